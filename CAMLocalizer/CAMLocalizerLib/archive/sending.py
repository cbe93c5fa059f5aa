"""Send the DICOM results of a case into the study of its images."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..case_files import ARCHIVE_FILE, EXPORT_FILES
from ..core import InputError
from ..io.quiet import quiet
from ..io.writing import whole_file
from .client import Archive
from .errors import ArchiveError

if TYPE_CHECKING:
    from pydicom import Dataset

SENT_EXPORTS = ("dicom-seg", "dicom-sr")
TITLES = {"SEG": "segmentation", "SR": "measurement report"}
NOT_SUPPORTED = 0x0122
MOST_LOOKS = 3  # archives index what they store a little later
REASONS = {
    0x0110: "it failed to process it",
    NOT_SUPPORTED: "it does not take this kind of object",
    0xA700: "it is full",
    0xA900: "it holds the object for damaged",
    0xC000: "it does not understand the object",
}


def send_results(archive: Archive, paths: Sequence[str | Path], *, whole: bool = True) -> tuple[str, ...]:
    """Send a segmentation and its report into the study that they belong to.

    Args:
        archive: connection.
        paths: DICOM files of one study, such as :func:`results_of` lists.
        whole: whether they are of all images of the series, so that more of them mean that it has grown.

    Returns:
        Their SOPInstanceUIDs.

    Raises:
        InputError: a file that is missing or not DICOM, or files of several studies.
        ArchiveError: the study was deleted, its series changed, or the archive refused something; nothing here changes.
    """
    results = [_read(Path(path)) for path in paths]
    studies = {str(result.StudyInstanceUID) for result in results}
    if len(studies) != 1:
        raise InputError(f"results of {len(studies)} studies were to be sent into one; send each study by itself")
    (study,) = studies
    _check_series(archive, study, results, whole)
    answer = archive.store(results, study)
    _check_answer(archive, answer, results)
    for result in results:
        _check_stored(archive, study, result)
    return tuple(str(result.SOPInstanceUID) for result in results)


def results_of(folder: Path) -> list[Path]:
    """List the files of a case that are sent: the segmentation, and the report unless nothing was found."""
    return [path for name in SENT_EXPORTS if (path := folder / EXPORT_FILES[name]).exists()]


def send_case(archive: Archive, folder: Path, *, whole: bool = True) -> None:
    """Send the results of a case folder, unless that was done, and note it in the folder; arguments as there.

    Raises:
        ArchiveError: as for :func:`send_results`; the message says that the results are kept.
        InputError: the folder has no segmentation.
    """
    if was_sent(archive, folder):
        return
    paths = results_of(folder)
    if not paths:
        raise InputError(f"{folder}: has no {EXPORT_FILES['dicom-seg']} to be sent; remove it and run again")
    try:
        instances = send_results(archive, paths, whole=whole)
    except ArchiveError as error:
        raise type(error)(f"{error}; the results are kept in {folder}") from error
    note = {"archive": archive.address.url, "instances": instances, "sent": datetime.now(UTC).isoformat()}
    with whole_file(folder / ARCHIVE_FILE) as partial:
        partial.write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")


def was_sent(archive: Archive | str, folder: Path) -> bool:
    """Tell whether the results of a case folder were sent to an archive, given as a connection or by its URL."""
    url = archive if isinstance(archive, str) else archive.address.url
    try:
        return json.loads((folder / ARCHIVE_FILE).read_text(encoding="utf-8")).get("archive") == url
    except (OSError, ValueError, AttributeError):
        return False


def _read(path: Path) -> Dataset:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        with quiet():
            return dcmread(path)
    except (OSError, InvalidDicomError) as error:
        raise InputError(f"{path}: cannot be read as a DICOM file; write the results again") from error


def _check_series(archive: Archive, study: str, results: Sequence[Dataset], whole: bool) -> None:
    """See that the images are still there and no others: storing would make a study anew that was deleted."""
    for result in results:
        for item in result.get("ReferencedSeriesSequence") or []:
            seen = {str(image.ReferencedSOPInstanceUID) for image in item.get("ReferencedInstanceSequence") or []}
            there = set(archive.instance_uids(study, str(item.SeriesInstanceUID)))
            if seen - there:
                raise ArchiveError(f"{archive.host}: the images were deleted meanwhile, so their results were not sent")
            if whole and there != seen:
                raise ArchiveError(
                    f"{archive.host}: the series has {len(there)} images now and had {len(seen)}, so the results were "
                    "not sent; remove them and run again"
                )


def _check_answer(archive: Archive, answer: Dataset, results: Sequence[Dataset]) -> None:
    """See that each result was stored; an archive may take one and refuse another."""
    refused = {
        str(item.get("ReferencedSOPInstanceUID", "")): int(item.get("FailureReason") or 0)
        for item in answer.get("FailedSOPSequence") or []
    }
    for result in results:
        if (uid := str(result.SOPInstanceUID)) in refused:
            reason = REASONS.get(refused[uid], "it gives no known reason")
            told = f"{reason}, {refused[uid]:04X}H"
            raise ArchiveError(f"{archive.host}: refused the {_title(result)} ({told}); ask who runs the archive")


def _check_stored(archive: Archive, study: str, result: Dataset) -> None:
    """See that a result can be found: some archives drop what they say they stored."""
    for wait_s in (*archive.waits_s[:MOST_LOOKS], None):
        if str(result.SOPInstanceUID) in archive.instance_uids(study, str(result.SeriesInstanceUID)):
            return
        if wait_s is not None:
            time.sleep(wait_s)
    raise ArchiveError(
        f"{archive.host}: said that it stored the {_title(result)} and does not list it; ask who runs the archive"
    )


def _title(result: Dataset) -> str:
    return TITLES.get(str(result.Modality), "result")
