"""Read the headers of NIfTI files: NIfTI-1 and NIfTI-2, as a single file or a pair of header and image."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, NiftiMatrices
from .signatures import GZIP, open_decompressed

MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
UNIT_NAMES = {1: "metres", 3: "micrometres"}
MAX_BYTES = 1e15
_SPATIAL_UNITS = 7
_MAGIC = {b"n+1\0": False, b"ni1\0": True, b"n+2\0": False, b"ni2\0": True}


@dataclass(frozen=True)
class NiftiHeader:
    """Fields of a NIfTI header.

    Args:
        shape: lengths of the axes.
        spacing_mm: spacing of the first three axes; 0 for a missing axis.
        matrices: qform and sform, mm.
        unit: name of the unit of length; empty for millimetres.
        order: byte order, ``<`` or ``>``.
        kind: code of the voxel type.
        bits: bits per voxel.
        slope: scaling of the voxels; 1 if they are not scaled.
        intercept: offset of the voxels.
        data_file: file with the voxels.
        data_start: first byte of the voxels in the uncompressed file.
    """

    shape: tuple[int, ...]
    spacing_mm: tuple[float, float, float]
    matrices: NiftiMatrices
    unit: str
    order: str
    kind: int
    bits: int
    slope: float
    intercept: float
    data_file: Path
    data_start: int

    @property
    def voxels(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape, dtype=object))

    @property
    def data_end(self) -> int:
        """Byte after the last voxel."""
        return self.data_start + self.voxels * self.bits // 8

    def qform(self) -> NDArray[np.float64]:
        """Return the 4x4 matrix of the qform, voxels to RAS mm."""
        b, c, d = self.matrices.quaternion
        a = np.sqrt(max(0.0, 1.0 - b * b - c * c - d * d))
        rotation = np.array(
            [
                [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
                [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
                [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
            ]
        )
        x, y, z = (step or 1.0 for step in self.spacing_mm)
        matrix = np.eye(4)
        matrix[:3, :3] = rotation * (x, y, z * self.matrices.qfac)
        matrix[:3, 3] = self.matrices.offset
        return matrix

    def sform(self) -> NDArray[np.float64]:
        """Return the 4x4 matrix of the sform, voxels to RAS mm."""
        return np.vstack([np.reshape(self.matrices.sform, (3, 4)), (0, 0, 0, 1)])


def read_nifti_header(path: Path) -> NiftiHeader:
    """Read the header of a NIfTI file, compressed or not, or of either file of a pair.

    Raises:
        InputError: a header that is truncated, damaged or of another format.

    Source: nifti1.h and nifti2.h of the NIfTI data format working group.
    """
    raw = _raw(header_file(path))
    order = "<" if raw[:4] in (b"\x5c\x01\0\0", b"\x1c\x02\0\0") else ">"
    first = struct.unpack_from(order + "i", raw)[0] == 348
    magic = raw[344:348] if first else raw[4:8]
    if magic not in _MAGIC:
        raise InputError(
            f"{path}: is an Analyze 7.5 file, which does not say where left and right are; convert it to NIfTI first"
        )

    def unpack(one: str, place_1: int, two: str, place_2: int) -> tuple:
        return struct.unpack_from(order + (one if first else two), raw, place_1 if first else place_2)

    dim = unpack("8h", 40, "8q", 16)
    if not 1 <= dim[0] <= 7 or min(dim[1 : dim[0] + 1]) < 1:
        raise InputError(f"{path}: the NIfTI header is damaged: its axes are {dim}")
    code = unpack("B", 123, "i", 500)[0] & _SPATIAL_UNITS
    if code not in MM_PER_UNIT:
        raise InputError(f"{path}: the NIfTI header is damaged: its unit of length has the unknown code {code}")
    scale = MM_PER_UNIT[code]
    pixdim = unpack("8f", 76, "8d", 104)
    x, y, z = (float(pixdim[axis]) * scale if axis <= dim[0] else 0.0 for axis in (1, 2, 3))
    start = float(unpack("f", 108, "q", 168)[0])
    if not 0 <= start < MAX_BYTES:
        raise InputError(f"{path}: the NIfTI header is damaged: its voxels begin at byte {start:g}")
    offset = int(start)
    slope, intercept = _scaling(path, *unpack("2f", 112, "2d", 176))
    kind, bits = unpack("2h", 70, "2h", 12)
    return NiftiHeader(
        shape=tuple(dim[1 : dim[0] + 1]),
        spacing_mm=(x, y, z),
        matrices=_matrices(
            unpack("2h", 252, "2i", 344),
            unpack("6f", 256, "6d", 352),
            unpack("12f", 280, "12d", 400),
            -1.0 if pixdim[0] < 0 else 1.0,
            scale,
        ),
        unit=UNIT_NAMES.get(code, ""),
        order=order,
        kind=kind,
        bits=bits,
        slope=slope,
        intercept=intercept,
        data_file=_image_file(path) if _MAGIC[magic] else path,
        data_start=offset if _MAGIC[magic] else max(offset, 352 if first else 544),
    )


def header_file(path: Path) -> Path:
    """Return the file with the header: the ``.hdr`` file of a pair, otherwise the file itself.

    Raises:
        InputError: an ``.img`` file without its header.
    """
    if not path.name.lower().endswith((".img", ".img.gz")):
        return path
    return _partner(path, ".hdr") or _missing_partner(path, ".hdr")


def is_second_of_pair(path: Path) -> bool:
    """Return whether a file is the image of a NIfTI pair whose header is in the same folder."""
    return path.name.lower().endswith((".img", ".img.gz")) and pair_partner(path) is not None


def pair_partner(path: Path) -> Path | None:
    """Return the other file of a NIfTI pair, None if it is missing."""
    return _partner(path, ".hdr" if path.name.lower().endswith((".img", ".img.gz")) else ".img")


def _image_file(path: Path) -> Path:
    if path.name.lower().endswith((".img", ".img.gz")):
        return path
    return _partner(path, ".img") or _missing_partner(path, ".img")


def _partner(path: Path, ending: str) -> Path | None:
    """Return the other file of a pair, compressed or not, in lower or upper case."""
    stem = path.name[: path.name.lower().rfind(path.suffixes[-1].lower())]
    if path.name.lower().endswith(".gz"):
        stem = stem[: stem.rfind(".")]
    for name in (f"{stem}{ending}", f"{stem}{ending}.gz", f"{stem}{ending.upper()}"):
        if (found := path.with_name(name)).is_file():
            return found
    return None


def _missing_partner(path: Path, ending: str) -> Path:
    raise InputError(f"{path}: is half of a NIfTI pair, but the {ending} file is missing; copy both files")


def _raw(path: Path) -> bytes:
    try:
        with open_decompressed(path) as stream:
            raw = stream.read(544)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: the compressed data is damaged ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror})") from error
    least = 540 if raw[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") else 348
    if len(raw) < least:
        raise InputError(f"{path}: the file is truncated inside its header")
    return raw


def _scaling(path: Path, slope: float, intercept: float) -> tuple[float, float]:
    """Return slope and intercept; a slope of 0 or NaN means no scaling."""
    if slope == 0 or np.isnan(slope):
        return 1.0, 0.0
    if not (np.isfinite(slope) and np.isfinite(intercept)):
        raise InputError(f"{path}: the NIfTI header is damaged: voxels are scaled by {slope:g} and {intercept:g}")
    return float(slope), float(intercept)


def _matrices(
    codes: tuple[int, ...], quatern: tuple[float, ...], srow: tuple[float, ...], qfac: float, scale: float
) -> NiftiMatrices:
    b, c, d, x, y, z = map(float, quatern)
    rows = tuple(float(value) * scale for value in srow)
    return NiftiMatrices(codes[0], codes[1], qfac, (b, c, d), (x * scale, y * scale, z * scale), rows)


def is_zipped(path: Path) -> bool:
    """Return whether a file is compressed with gzip."""
    with path.open("rb") as stream:
        return stream.read(2) == GZIP
