"""Write arrays and label maps as NIfTI files."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, GridError, LabelMap, NiftiMatrices, OutputError
from .writing import output_errors

COMPRESSION_LEVEL = 4
HEADER_BYTES = 352
_TYPES = {np.dtype(np.uint8): 2, np.dtype(np.float32): 16}
_MILLIMETRES = 2
_SCANNER = 1
_COMMENT = 6
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def write_nifti(
    array_kji: NDArray,
    grid: Grid,
    path: str | Path,
    *,
    description: str = "",
    comment: str = "",
    matrices: NiftiMatrices | None = None,
) -> None:
    """Write an array on its grid as NIfTI-1 (``.nii`` or ``.nii.gz``).

    Args:
        array_kji: shape ``grid.shape_kji``; bool and uint8 are written as uint8, everything else as float32.
        grid: grid, written as sform and qform, both with the code of scanner anatomy, in the format's float32.
        path: a file in an existing folder; an existing file is replaced.
        description: the header's ``descrip`` field, at most 79 ASCII characters.
        comment: text of any length, stored as a comment extension of the header; no extension if empty.
        matrices: matrices of the NIfTI file that the grid comes from, written unchanged instead of the grid's own, so
            that every program aligns both files.

    Raises:
        GridError: the array's shape differs from the grid's.
        OutputError: another extension, a folder that cannot be written, a full disk.

    Source: nifti1.h, methods 2 and 3. ITK's writer is not used because it reports success on a full disk.
    """
    path = Path(path)
    array = np.asarray(array_kji)
    if array.shape != grid.shape_kji:
        raise GridError(f"{path}: array has shape {array.shape}, its grid expects {grid.shape_kji}")
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise OutputError(f"{path}: a NIfTI file must be named .nii or .nii.gz")
    kind = np.dtype(np.uint8) if array.dtype in (np.bool_, np.uint8) else np.dtype(np.float32)
    with output_errors(path), open_output(path, zipped=path.name.lower().endswith(".gz")) as stream:
        extension = _extension(comment)
        stream.write(_header(grid, kind, description, len(extension), matrices or _own_matrices(grid)))
        stream.write(extension)
        write_slices(stream, array, kind)


def write_label_map(
    label_map: LabelMap,
    path: str | Path,
    *,
    description: str = "",
    comment: str = "",
    matrices: NiftiMatrices | None = None,
) -> None:
    """Write a label map on its grid as NIfTI, uint8; arguments and errors as for :func:`write_nifti`."""
    array, grid = label_map.array_kji, label_map.grid
    write_nifti(array, grid, path, description=description, comment=comment, matrices=matrices)


def write_slices(stream: IO[bytes], array: NDArray, kind: np.dtype) -> None:
    """Write an array slice by slice, little-endian, to avoid a second copy."""
    for image in array:
        stream.write(np.ascontiguousarray(image, dtype=kind.newbyteorder("<")).tobytes())


@contextmanager
def open_output(path: Path, *, zipped: bool, append: bool = False) -> Iterator[IO[bytes]]:
    """Open a file for writing; zipped files store neither name nor time, so that equal data gives equal files."""
    with path.open("ab" if append else "wb") as raw:
        if not zipped:
            yield raw
            return
        with gzip.GzipFile("", "wb", COMPRESSION_LEVEL, raw, mtime=0) as stream:
            yield stream  # type: ignore[misc]


def _extension(comment: str) -> bytes:
    """Return a comment as a NIfTI header extension, whose length is a multiple of sixteen."""
    if not comment:
        return b""
    text = comment.encode()
    size = -(-(len(text) + 8) // 16) * 16
    return struct.pack("<2i", size, _COMMENT) + text.ljust(size - 8, b"\0")


def _own_matrices(grid: Grid) -> NiftiMatrices:
    """Return a grid as qform and sform, both with the code of scanner anatomy."""
    ras = _LPS_TO_RAS @ grid.ijk_to_lps
    qfac, quaternion = _quaternion(ras[:3, :3] / grid.spacing_mm)
    x, y, z = ras[:3, 3].tolist()
    return NiftiMatrices(_SCANNER, _SCANNER, qfac, quaternion, (x, y, z), tuple(ras[:3].ravel().tolist()))


def _header(grid: Grid, kind: np.dtype, description: str, extended: int, matrices: NiftiMatrices) -> bytes:
    if max(grid.size) > np.iinfo(np.int16).max:
        raise OutputError(f"NIfTI-1 allows at most 32767 voxels along an axis, got {grid.size}")
    header = bytearray(HEADER_BYTES)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *grid.size, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, _TYPES[kind], kind.itemsize * 8)
    struct.pack_into("<8f", header, 76, matrices.qfac, *grid.spacing_mm, 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, HEADER_BYTES + extended, 1.0, 0.0)
    struct.pack_into("<B", header, 123, _MILLIMETRES)
    struct.pack_into("<79s", header, 148, description.encode("ascii", "replace"))
    struct.pack_into("<2h", header, 252, matrices.qform_code, matrices.sform_code)
    struct.pack_into("<6f", header, 256, *matrices.quaternion, *matrices.offset)
    struct.pack_into("<12f", header, 280, *matrices.sform)
    header[344:348] = b"n+1\0"
    header[348] = int(extended > 0)
    return bytes(header)


def _quaternion(direction: NDArray[np.float64]) -> tuple[float, tuple[float, float, float]]:
    """Return the sign of the third axis and the quaternion's b, c, d with a >= 0.

    Source: Bar-Itzhack, New Method for Extracting the Quaternion from a Rotation Matrix (J. Guidance 23(6), 2000): the
    eigenvector of the largest eigenvalue. Importing scipy for this would take longer than writing a file.
    """
    qfac = 1.0 if np.linalg.det(direction) > 0 else -1.0
    r = direction * (1.0, 1.0, qfac)
    symmetric = np.zeros((4, 4))
    symmetric[:3, :3] = r + r.T - np.trace(r) * np.eye(3)
    symmetric[3, :3] = r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]
    symmetric[3, 3] = np.trace(r)
    b, c, d, a = np.linalg.eigh(symmetric)[1][:, -1].tolist()  # of the lower triangle
    sign = -1.0 if a < 0 else 1.0
    return qfac, (sign * b, sign * c, sign * d)
