"""What of a source series' headers goes into results: what DICOM requires there, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..core import Grid, InputError, SeriesError
from .dicom_files import Entry
from .dicom_values import tagged

if TYPE_CHECKING:
    from pydicom import Dataset

LONGEST_UID = 64
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")  # zeros may lead: archives hold such UIDs, and results must repeat them
IDENTITIES = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
PLACES = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
SHARED = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID", "PatientName")
TEXTS = ("PatientName", "PatientID", "StudyID", "AccessionNumber", "ReferringPhysicianName")
DATES, TIMES = ("PatientBirthDate", "StudyDate"), ("StudyTime",)
SEXES = frozenset({"M", "F", "O"})
COPIED = (
    *IDENTITIES,
    "Modality",
    "SeriesNumber",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "PositionReferenceIndicator",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)


def reduced_headers(entries: Sequence[Entry], grid: Grid) -> tuple[tuple[Dataset, ...], tuple[str, ...]]:
    """Keep of each header what a segmentation or report made from it must repeat.

    Of the patient these are name, ID, birth date and sex, and of the study its UID, date, time, ID, accession number
    and referring physician: attributes of type 1 and 2 of the modules Patient and General Study, by which an archive
    knows where a result belongs. Those of type 2 stay empty where the source has none. Orientation and step are
    written the same for all slices, since :func:`~.dicom_geometry.stack` found them to be.

    Args:
        entries: one file with several frames, or one per slice, sorted along k.
        grid: of the whole series.

    Returns:
        A header per file, and a sentence for each attribute that the first file lacks.

    Raises:
        InputError: an attribute that is missing or is no UID; file and attribute are named.
        SeriesError: files of different patients, studies or frames of reference.

    Source: DICOM PS3.3 C.7.1.1 and C.7.2.1.
    """
    for entry in entries:
        _check_required(entry)
    _check_shared(entries)
    notes = tuple(filter(None, (_note(entries[0], keyword) for keyword in (*TEXTS, *DATES, *TIMES, "PatientSex"))))
    first = entries[0].header
    return tuple(_reduced(entry.header, first, grid) for entry in entries), notes


def is_multi_frame(header: Dataset) -> bool:
    """Tell whether an image keeps the place of its frames in functional groups."""
    return "PerFrameFunctionalGroupsSequence" in header


def _check_required(entry: Entry) -> None:
    for keyword in IDENTITIES if is_multi_frame(entry.header) else IDENTITIES + PLACES:
        if entry.header.get(keyword) in (None, ""):
            raise InputError(f"{entry.path}: {tagged(keyword)} is missing; DICOM results need it in every source image")
    for keyword in IDENTITIES:
        if not (_UID.fullmatch(uid := str(entry.header[keyword].value)) and len(uid) <= LONGEST_UID):
            raise InputError(f"{entry.path}: {tagged(keyword)} is no valid UID; export the series again")


def _check_shared(entries: Sequence[Entry]) -> None:
    for keyword in SHARED:
        values = {str(entry.header.get(keyword, "")) for entry in entries}
        if len(values) > 1:
            raise SeriesError(
                f"{entries[0].path.parent}: {tagged(keyword)} differs between the files of one series "
                f"({len(values)} values); DICOM results need one patient, study and frame of reference"
            )


def _note(entry: Entry, keyword: str) -> str:
    """Say that an attribute of type 2 is absent or cannot be taken; one that is present and empty needs no word."""
    name = Path(entry.path).name
    if keyword not in entry.header:
        return f"{tagged(keyword)} is missing in {name} and stays empty"
    if entry.header[keyword].value and not _value(entry.header, keyword):
        return f"{tagged(keyword)} in {name} is not valid and stays empty"
    return ""


def _value(header: Dataset, keyword: str) -> str:
    """Return an attribute of type 2 as text, empty where there is none that DICOM allows."""
    from pydicom.valuerep import DA, TM

    text = str(header.get(keyword, "") or "").strip()
    if keyword == "PatientSex":
        return text if text in SEXES else ""
    kind = DA if keyword in DATES else TM if keyword in TIMES else str
    try:
        return text if kind(text) is not None else ""
    except ValueError:
        return ""


def _reduced(header: Dataset, first: Dataset, grid: Grid) -> Dataset:
    from pydicom import Dataset

    kept = Dataset()
    for keyword in COPIED:
        if keyword in header:
            kept[keyword] = header[keyword]
    for keyword in (*TEXTS, *DATES, *TIMES, "PatientSex"):
        setattr(kept, keyword, _value(header, keyword))
    kept.SpecificCharacterSet = "ISO_IR 192"
    if is_multi_frame(header):
        _place_frames(kept, header, grid)
        return kept
    kept.ImagePositionPatient = header.ImagePositionPatient
    kept.ImageOrientationPatient = first.ImageOrientationPatient
    kept.update(_measures(header, grid))
    return kept


def _place_frames(kept: Dataset, header: Dataset, grid: Grid) -> None:
    """Write orientation and spacing once for all frames; highdicom takes no other images with several frames."""
    from pydicom import Dataset

    shared = header.SharedFunctionalGroupsSequence[0] if header.get("SharedFunctionalGroupsSequence") else Dataset()
    groups = header.PerFrameFunctionalGroupsSequence
    common, turn = Dataset(), Dataset()
    turn.ImageOrientationPatient = _group(groups[0], shared, "PlaneOrientation").ImageOrientationPatient
    common.PlaneOrientationSequence = [turn]
    common.PixelMeasuresSequence = [_measures(_group(groups[0], shared, "PixelMeasures"), grid)]
    kept.SharedFunctionalGroupsSequence = [common]
    kept.PerFrameFunctionalGroupsSequence = [_placed(_group(group, shared, "PlanePosition")) for group in groups]


def _group(frame: Dataset, shared: Dataset, name: str) -> Dataset:
    keyword = f"{name}Sequence"
    return (frame if frame.get(keyword) else shared)[keyword].value[0]


def _placed(place: Dataset) -> Dataset:
    from pydicom import Dataset

    frame, position = Dataset(), Dataset()
    position.ImagePositionPatient = place.ImagePositionPatient
    frame.PlanePositionSequence = [position]
    return frame


def _measures(header: Dataset, grid: Grid) -> Dataset:
    """Take over pixel spacing and thickness; the step is the measured one, which not every scanner writes right."""
    from pydicom import Dataset
    from pydicom.valuerep import format_number_as_ds

    kept, step = Dataset(), format_number_as_ds(grid.spacing_mm[2])
    kept.PixelSpacing = header.PixelSpacing
    kept.SliceThickness = header.get("SliceThickness") or step
    kept.SpacingBetweenSlices = step
    return kept
