"""Headers read by ourselves, where the image library repairs in silence what should be refused."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, GridError, InputError
from .signatures import open_plain

CHUNK = 1 << 20
TEXT_HEADER_BYTES = 1 << 16
MATCH_MM = 0.01
FLOAT_CODES = {16: "f4", 64: "f8"}
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class NiftiHeader:
    """What a NIfTI header says of size and place.

    Args:
        shape: length of the axes.
        pixdim: spacing of the first three axes in the file's unit of length; 1 where an axis is missing.
        matrices: the voxel-to-RAS matrices that are declared valid: sform, qform or both.
        data_start: first byte of the voxels in the uncompressed file.
        data_end: byte after the last voxel.
        float_type: type of the voxels if they are floating-point numbers, otherwise None.
    """

    shape: tuple[int, ...]
    pixdim: tuple[float, float, float]
    matrices: tuple[NDArray[np.float64], ...]
    data_start: int
    data_end: int
    float_type: np.dtype | None = None


def read_nifti_header(path: Path) -> NiftiHeader:
    """Read a NIfTI-1 or NIfTI-2 header, compressed or not.

    Raises:
        InputError: a header that is truncated or no NIfTI header.

    Source: nifti1.h and nifti2.h of the NIfTI data format working group.
    """
    try:
        with open_plain(path) as stream:
            raw = stream.read(540)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: the compressed data is damaged ({error})") from error
    if len(raw) < 348:
        raise InputError(f"{path}: the file is truncated inside its header")
    order = "<" if raw[:4] in (b"\x5c\x01\0\0", b"\x1c\x02\0\0") else ">"
    first = struct.unpack_from(order + "i", raw)[0] == 348
    dim = struct.unpack_from(order + ("8h" if first else "8q"), raw, 40 if first else 16)
    pixdim = struct.unpack_from(order + ("8f" if first else "8d"), raw, 76 if first else 104)
    offset = int(struct.unpack_from(order + ("f" if first else "q"), raw, 108 if first else 168)[0])
    kind, bits = struct.unpack_from(order + "2h", raw, 70 if first else 12)
    codes = struct.unpack_from(order + ("2h" if first else "2i"), raw, 252 if first else 344)
    quatern = struct.unpack_from(order + ("6f" if first else "6d"), raw, 256 if first else 352)
    srow = struct.unpack_from(order + ("12f" if first else "12d"), raw, 280 if first else 400)
    if not 1 <= dim[0] <= 7 or min(dim[1 : dim[0] + 1]) < 1:
        raise InputError(f"{path}: the NIfTI header is damaged: its axes are {dim}")
    shape = tuple(dim[1 : dim[0] + 1])
    x, y, z = (float(pixdim[axis]) if axis <= dim[0] else 1.0 for axis in (1, 2, 3))
    steps = (x, y, z)
    matrices = []
    if codes[1] > 0:
        matrices.append(np.vstack([np.reshape(srow, (3, 4)), (0, 0, 0, 1)]))
    if codes[0] > 0:
        matrices.append(_qform(quatern, steps, -1.0 if pixdim[0] < 0 else 1.0))
    end = offset + int(np.prod(shape, dtype=np.int64)) * bits // 8
    float_type = np.dtype(f"{order}{FLOAT_CODES[kind]}") if kind in FLOAT_CODES else None
    return NiftiHeader(shape, steps, tuple(matrices), offset, end, float_type)


def _qform(quatern: tuple[float, ...], steps: tuple[float, ...], qfac: float) -> NDArray[np.float64]:
    b, c, d = quatern[:3]
    a = np.sqrt(max(0.0, 1.0 - b * b - c * c - d * d))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * (steps[0], steps[1], steps[2] * qfac)
    matrix[:3, 3] = quatern[3:]
    return matrix


def check_nifti(path: Path, header: NiftiHeader) -> None:
    """See that a NIfTI file is whole, finite and of usable spacing.

    The image library fills what is missing with zeros, and takes zero for NaN and infinity.

    Raises:
        InputError: data that ends early or is damaged, NaN or infinite voxels.
        GridError: a spacing that is not positive.
    """
    check_spacing(path, header.pixdim)
    bad = 0
    try:
        with open_plain(path) as stream:
            have = len(stream.read(header.data_start))
            while chunk := stream.read(CHUNK):
                bad += _not_finite(chunk[: max(0, header.data_end - have)], header.float_type)
                have += len(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: the compressed data is truncated or damaged; copy or export it again") from error
    if have < header.data_end:
        raise InputError(f"{path}: truncated, {have} bytes of {header.data_end}; copy or export it again")
    if bad:
        voxels = int(np.prod(header.shape, dtype=np.int64))
        raise InputError(f"{path}: {bad} of {voxels} voxels are NaN or infinite; replace them first")


def _not_finite(data: bytes, kind: np.dtype | None) -> int:
    if kind is None:
        return 0
    values = np.frombuffer(data, kind, len(data) // kind.itemsize)
    return values.size - int(np.count_nonzero(np.isfinite(values)))


def check_nifti_grid(path: Path, header: NiftiHeader, grid: Grid) -> None:
    """See that the image library placed the volume where the header says.

    It takes the nearest rotation where a matrix is slightly sheared or scaled, which moves voxels.

    Raises:
        GridError: no declared matrix puts the corner voxels where ``grid`` has them, within 0.01 mm.
    """
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in grid.size])).reshape(3, -1).T  # (8, 3)
    for matrix in header.matrices:
        lps = _RAS_TO_LPS @ matrix
        if np.abs(corners @ lps[:3, :3].T + lps[:3, 3] - grid.to_lps(corners)).max() < MATCH_MM:
            return
    if header.matrices:
        raise GridError(sheared(path))


def sheared(path: Path) -> str:
    """Word the refusal of a sheared NIfTI matrix."""
    return f"{path}: its matrix is sheared or contradicts its spacing; resample it to an orthogonal grid first"


def check_spacing(path: Path, spacing: tuple[float, ...]) -> None:
    """Raise GridError unless every spacing is a positive number."""
    if not all(np.isfinite(value) and value > 0 for value in spacing):
        values = ", ".join(f"{value:g}" for value in spacing)
        raise GridError(f"{path}: spacing must be positive, got ({values}) mm")


def check_text_header(path: Path) -> None:
    """See that the spacing that an NRRD or MetaImage header states is positive; the library would flip the axis.

    Raises:
        GridError: a spacing of 0, a negative one or one that is no number.
    """
    with path.open("rb") as stream:
        head = stream.read(TEXT_HEADER_BYTES)
    for line in head.split(b"\n"):
        name, found, value = line.replace(b"=", b":").partition(b":")
        if not line.strip() or name.strip() == b"ElementDataFile":
            return
        if found and name.strip().lower() in (b"spacings", b"elementspacing"):
            check_spacing(path, _numbers(value))


def _numbers(text: bytes) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.split())
    except ValueError:
        return (float("nan"),)
