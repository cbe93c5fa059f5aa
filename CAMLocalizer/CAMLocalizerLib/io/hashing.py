"""Checksums of files and folders."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from ..core import InputError, Volume
from .dicom import series_entries


def source_sha256(path: str | Path, *, series: str | None = None) -> str:
    """Return the SHA-256 of a file, or of the files in a folder and its subfolders.

    The checksum of a folder is that of its files' sorted checksums, so it depends on the files' contents but not on
    their names.

    Args:
        path: file or folder.
        series: SeriesInstanceUID or SeriesNumber of the DICOM files to include; all files if not given.

    Raises:
        InputError: a file that cannot be read, or a folder without that series.
    """
    path = Path(path)
    files = _files(path, series) if path.is_dir() else [path]
    try:
        sums = sorted(_sha256(file) for file in files)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    return hashlib.sha256("\n".join(sums).encode()).hexdigest() if path.is_dir() else sums[0]


def voxel_fingerprint(volume: Volume) -> str:
    """Return 16 hexadecimal digits that identify the voxels of a volume, whatever its file, name and position."""
    digest = hashlib.blake2b(str(volume.grid.size).encode(), digest_size=8)
    digest.update(np.ascontiguousarray(volume.array_kji).data)
    return digest.hexdigest()


def _files(folder: Path, series: str | None) -> list[Path]:
    if series is None:
        return [entry for entry in folder.rglob("*") if entry.is_file()]
    return [entry.path for entry in series_entries(folder, series)]


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
