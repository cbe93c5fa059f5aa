"""Names of files: which format they claim to be, and what their case is called."""

from __future__ import annotations

from pathlib import Path

from .plain_paths import readable

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
    """Return the known ending of a file name in lower case (``.nii.gz``), empty if it has none."""
    name = Path(path).name.lower()
    return next((known for known in ENDINGS if name.endswith(known) and name != known), "")


def case_name(path: str | Path) -> str:
    """Return what a file or folder's case is called: ``brain.nii.gz`` is ``brain``, a folder keeps its name.

    Args:
        path: a file or folder; it need not exist. Endings that are no image format stay part of the name, and bytes
            that are not UTF-8 become hexadecimal digits.
    """
    path = Path(path)
    if path.is_dir() or path.name in {"", ".."}:
        return readable(path.resolve().name) or "root"
    return readable(path.name[: len(path.name) - len(ending(path))])
