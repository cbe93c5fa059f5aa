"""File names: the format of an extension, and the name of a case."""

from __future__ import annotations

from pathlib import Path

from .utf8_paths import escape_non_utf8

ENDINGS = {
    ".seg.nrrd": "NRRD",
    ".nrrd": "NRRD",
    ".nhdr": "NRRD",
    ".nii.gz": "NIfTI",
    ".nii": "NIfTI",
    ".hdr.gz": "NIfTI",
    ".img.gz": "NIfTI",
    ".hdr": "NIfTI",
    ".img": "NIfTI",
    ".mgz": "MGH",
    ".mgh": "MGH",
    ".mha": "MetaImage",
    ".mhd": "MetaImage",
    ".dcm": "DICOM",
    ".ima": "DICOM",
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}


def ending(path: str | Path) -> str:
    """Return the known extension of a file name in lower case (``.nii.gz``), empty if it has none."""
    name = Path(path).name.lower()
    return next((known for known in ENDINGS if name.endswith(known) and name != known), "")


def case_name(path: str | Path) -> str:
    """Return the case name of a file or folder: ``brain`` for ``brain.nii.gz``, the folder's name for a folder.

    Args:
        path: a file or folder; it need not exist. Extensions of other formats remain part of the name, and bytes that
            are not UTF-8 become hexadecimal digits.
    """
    path = Path(path)
    if path.is_dir() or path.name in {"", ".."}:
        return escape_non_utf8(path.resolve().name) or "root"
    return escape_non_utf8(path.name[: len(path.name) - len(ending(path))])
