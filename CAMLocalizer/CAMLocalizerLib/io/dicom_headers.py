"""Attributes of a source series that results repeat: those that DICOM requires, and no others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..core import Grid, InputError, SeriesError
from .dicom_files import Entry
from .dicom_values import with_tag

if TYPE_CHECKING:
    from pydicom import Dataset

MAX_UID_LENGTH = 64
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")  # leading zeros are allowed: archives have such UIDs, and results repeat them
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
    """Reduce each header to the attributes that a segmentation or report must repeat.

    These are the patient's name, ID, birth date and sex, and the study's UID, date, time, ID, accession number and
    referring physician: attributes of type 1 and 2 of the modules Patient and General Study, which archives need to
    file a result. Attributes of type 2 stay empty if the source lacks them. All slices get the same orientation and
    slice spacing, as :func:`~.dicom_geometry.stack_slices` has checked.

    Args:
        entries: one file with several frames, or one per slice, sorted along k.
        grid: of the whole series.

    Returns:
        One header per file, and a note for each attribute that the first file lacks.

    Raises:
        InputError: an attribute that is missing or not a valid UID; the message names file and attribute.
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
    """Return whether an image stores the positions of its frames in functional groups."""
    return "PerFrameFunctionalGroupsSequence" in header


def _check_required(entry: Entry) -> None:
    for keyword in IDENTITIES if is_multi_frame(entry.header) else IDENTITIES + PLACES:
        if entry.header.get(keyword) in (None, ""):
            raise InputError(
                f"{entry.path}: {with_tag(keyword)} is missing; DICOM results need it in every source image"
            )
    for keyword in IDENTITIES:
        if not (_UID.fullmatch(uid := str(entry.header[keyword].value)) and len(uid) <= MAX_UID_LENGTH):
            raise InputError(f"{entry.path}: {with_tag(keyword)} is not a valid UID; export the series again")


def _check_shared(entries: Sequence[Entry]) -> None:
    for keyword in SHARED:
        values = {str(entry.header.get(keyword, "")) for entry in entries}
        if len(values) > 1:
            raise SeriesError(
                f"{entries[0].path.parent}: {with_tag(keyword)} differs between the files of one series "
                f"({len(values)} values); DICOM results need one patient, study and frame of reference"
            )


def _note(entry: Entry, keyword: str) -> str:
    """Return a note if an attribute of type 2 is missing or invalid; present but empty attributes need no note."""
    name = Path(entry.path).name
    if keyword not in entry.header:
        return f"{with_tag(keyword)} is missing in {name} and stays empty"
    if entry.header[keyword].value and not _value(entry.header, keyword):
        return f"{with_tag(keyword)} in {name} is not valid and stays empty"
    return ""


def _value(header: Dataset, keyword: str) -> str:
    """Return an attribute of type 2 as text, empty if it is missing or invalid."""
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
    """Write orientation and spacing once for all frames, as highdicom requires for multi-frame images."""
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
    """Copy pixel spacing and thickness; the slice spacing is the measured one, since scanners may state a wrong one."""
    from pydicom import Dataset
    from pydicom.valuerep import format_number_as_ds

    kept, step = Dataset(), format_number_as_ds(grid.spacing_mm[2])
    kept.PixelSpacing = header.PixelSpacing
    kept.SliceThickness = header.get("SliceThickness") or step
    kept.SpacingBetweenSlices = step
    return kept
