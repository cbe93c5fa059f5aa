"""Fetch a series into a folder: image by image, all of it, and nothing of another patient's."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..core import CAMLocalizerError, OptionError
from ..io.leftovers import PARTIAL, clean_up_leftovers, temporary_name
from ..io.quiet import quiet
from ..io.writing import output_errors
from .address import is_uid
from .client import Archive
from .errors import ArchiveError
from .failures import TransientError

if TYPE_CHECKING:
    from pydicom import Dataset

GROWTH_WAITS_S = (1.0, 2.0, 4.0, 8.0)
PRIVATE = 0o700


@contextmanager
def fetched_series(archive: Archive, study: str, series: str, target: Path) -> Iterator[Path]:
    """Fetch a series into a hidden folder beside the results, and remove it at the end.

    The next run with the same target removes what a killed process left.

    Args:
        archive: connection.
        study: StudyInstanceUID.
        series: SeriesInstanceUID.
        target: folder of the results; parents are created, and removed again if nothing came to lie in them.

    Yields:
        A folder with one file per instance, called like the target.

    Raises:
        ArchiveError: the series is not there, grows all the time, or the archive fails.
        OutputError: the folder cannot be written or the disk is full.
    """
    clean_up_leftovers(target)
    made = [folder for folder in (target.parent, *target.parent.parents) if not folder.exists()]
    staging = target.with_name(temporary_name(target, PARTIAL))
    try:
        with output_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            staging.mkdir(mode=PRIVATE)
            (folder := staging / target.name).mkdir()
        fetch_series(archive, study, series, folder)
        yield folder
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        for parent in made:  # innermost first; folders that are not empty stay
            with suppress(OSError):
                parent.rmdir()


def fetch_series(archive: Archive, study: str, series: str, folder: Path) -> int:
    """Fetch a series and see that it is complete.

    After a broken connection only what is missing is fetched. A series that another system is still sending is
    waited for.

    Args:
        archive: connection.
        study: StudyInstanceUID.
        series: SeriesInstanceUID.
        folder: an existing one, which gets a file per instance.

    Returns:
        Number of instances.

    Raises:
        ArchiveError: the series is not there, still grows after some waiting, or the archive fails.
        OutputError: the folder cannot be written or the disk is full.
    """
    saved: set[str] = set()
    with suppress(TransientError):
        for instance in archive.stream_series(study, series):
            saved.add(_save(instance, study, series, folder, archive.host))
    waits = iter(GROWTH_WAITS_S)
    while True:
        there = set(archive.instance_uids(study, series))
        if not there or saved - there:
            raise ArchiveError(f"{archive.host}: images of the series were deleted while it was fetched; run it again")
        if not (missing := there - saved):
            return len(saved)
        for uid in sorted(missing):
            saved.add(_save(archive.instance(study, series, uid), study, series, folder, archive.host))
        if (wait_s := next(waits, None)) is None:
            raise ArchiveError(
                f"{archive.host}: the series still grows ({len(saved)} images so far); run the same command when all "
                "of it has arrived"
            )
        time.sleep(wait_s)


def completeness_note(folder: Path) -> str:
    """Say whether the images themselves tell of more than were fetched; empty if they do not.

    Args:
        folder: one file per instance.
    """
    from pydicom import dcmread

    paths = sorted(folder.iterdir())
    with quiet():
        header = dcmread(paths[0], stop_before_pixels=True, specific_tags=["ImagesInAcquisition", "NumberOfFrames"])
    stated = str(header.get("ImagesInAcquisition") or "")
    count = max(len(paths), int(header.get("NumberOfFrames") or 0))
    if not stated.isdecimal() or int(stated) <= count:
        return ""
    return f"the series has {count} images, and ImagesInAcquisition (0020,1002) states {stated}: some may be missing"


def without_folder(error: Exception, folder: Path) -> Exception:
    """Return an error that calls fetched images by the name of their case: their folder is gone.

    Args:
        error: what went wrong.
        folder: as :func:`fetched_series` gave it.
    """
    if not isinstance(error, CAMLocalizerError) or isinstance(error, OptionError):
        return error
    return type(error)(str(error).replace(str(folder), folder.name))


def _save(instance: Dataset, study: str, series: str, folder: Path, host: str) -> str:
    """Write an instance under its UID, which then counts as fetched.

    Raises:
        ArchiveError: it belongs to another series, perhaps of another patient.
    """
    from pydicom import dcmwrite

    uid = str(instance.get("SOPInstanceUID", ""))
    place = str(instance.get("StudyInstanceUID", "")), str(instance.get("SeriesInstanceUID", ""))
    if place != (study, series) or not is_uid(uid):
        raise ArchiveError(f"{host}: sent an image of another series than was asked for; tell who runs the archive")
    path = folder / f"{uid}.dcm"
    with quiet(), output_errors(path):
        dcmwrite(path, instance)
    return uid
