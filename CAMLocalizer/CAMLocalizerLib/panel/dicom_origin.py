"""The DICOM series that a volume of the scene was read from, as Slicer's DICOM database knows it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import slicer

INSTANCES = "DICOM.instanceUIDs"  # the attribute that Slicer's DICOM module gives to volumes


def dicom_files(volume_node: Any) -> tuple[Path, ...]:
    """Return the files of a volume; empty if it was not read from DICOM or one of them is gone."""
    database = dicom_database()
    uids = (volume_node.GetAttribute(INSTANCES) or "").split() if volume_node is not None else []
    if database is None or not uids:
        return ()
    files = tuple(Path(database.fileForInstance(uid) or "") for uid in uids)
    return files if all(file.is_file() for file in files) else ()


def dicom_database() -> Any:
    """Return Slicer's DICOM database; None if this Slicer has none or it is not open."""
    database = getattr(slicer, "dicomDatabase", None)
    return database if database is not None and database.isOpen else None


@contextlib.contextmanager
def series_folder(files: tuple[Path, ...]) -> Iterator[Path | None]:
    """Yield a temporary folder that holds only these files, whatever else lies beside them; None without files."""
    if not files:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="CAMLocalizer-") as name:
        for number, file in enumerate(files):
            _link_or_copy(file, Path(name) / f"{number:06}.dcm")
        yield Path(name)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


def show_in_database(folder: Path) -> None:
    """Add the DICOM files of a folder to Slicer's DICOM database and open its module."""
    from DICOMLib import DICOMUtils

    DICOMUtils.importDicom(str(folder), dicom_database(), copyFiles=True)
    slicer.util.selectModule("DICOM")
