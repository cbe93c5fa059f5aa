"""Read NIfTI files."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, GridError, InputError
from .headers import check_spacing
from .image import RawImage, single_channel
from .nifti_header import NiftiHeader, is_zipped, read_nifti_header
from .signatures import open_decompressed

CHUNK_VOXELS = 1 << 18
MATRIX_TOLERANCE_MM = 0.01
# Rotation in radians that rounding can add to a qform: near a half turn, the first number of its quaternion is the root
# of a difference of float32 numbers.
QUATERNION_ROUNDING = 7e-4
SKEW_TOLERANCE = 1e-4
MAX_GZIP_RATIO = 1100
SCANNER_ANATOMY = 1
_TYPES = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
    128: "3u1",
    2304: "4u1",
}
_COMPLEX = (32, 1792, 2048)
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_nifti(path: Path) -> RawImage:
    """Read a NIfTI-1 or NIfTI-2 file, or a pair of header and image given by either file.

    A file may have two matrices. As in SimpleITK and 3D Slicer, the sform is used if it is orthogonal and either refers
    to scanner anatomy (code 1) or is the only matrix; otherwise the qform is used. RAS is converted to LPS, and metres
    and micrometres are converted to millimetres.

    Args:
        path: the file. A two-dimensional image becomes a volume of one slice.

    Returns:
        The image with the matrices of its header, and a note if they differ.

    Raises:
        InputError: a file that is truncated, damaged, of another format, has more than three axes or voxels that are
            not numbers.
        GridError: shear, or a spacing that is not positive.
    """
    header = read_nifti_header(path)
    shape = header.shape
    while len(shape) > 3 and shape[-1] == 1:  # many tools write a single time point
        shape = shape[:-1]
    if len(shape) > 3:
        raise InputError(
            f"{path}: has {len(shape)} axes {shape}; a 3D volume is expected; extract one time point first"
        )
    size = (*shape, 1, 1)[:3]
    grid, notes = _grid(path, header, (size[0], size[1], size[2]))
    if header.unit:
        notes = (f"lengths were converted from {header.unit} to millimetres", *notes)
    array = _voxels(path, header, grid.shape_kji)
    return RawImage(array, grid, "NIfTI", notes=notes, matrices=header.matrices)


def _grid(path: Path, header: NiftiHeader, size: tuple[int, int, int]) -> tuple[Grid, tuple[str, ...]]:
    """Return the grid that SimpleITK would choose, and notes about the choice."""
    spacing = _spacing(path, header, size)
    qform, sform = header.qform(), header.sform()
    has_qform, has_sform = header.matrices.qform_code > 0, header.matrices.sform_code > 0
    if not (has_qform or has_sform):
        note = "the file has no position in patient space: left and right are uncertain"
        return Grid(size, spacing, (0.0, 0.0, 0.0), np.eye(3)), (note,)
    by_sform = has_sform and _is_orthogonal(sform) and (header.matrices.sform_code == SCANNER_ANATOMY or not has_qform)
    chosen = sform if by_sform else qform
    if not (by_sform or has_qform):
        raise GridError(sheared_message(path))
    grid = _grid_from_matrix(path, _RAS_TO_LPS @ chosen, size, spacing)
    if not (has_qform and has_sform):
        return grid, ()
    apart = _deviation_mm(_RAS_TO_LPS @ (qform if by_sform else sform), grid)
    extent_mm = float(np.linalg.norm(np.subtract(grid.size, 1) * grid.spacing_mm))
    if apart <= MATRIX_TOLERANCE_MM + QUATERNION_ROUNDING * extent_mm:
        return grid, ()
    used, other = ("sform", "qform") if by_sform else ("qform", "sform")
    return grid, (
        f"sform and qform differ by up to {apart:.3g} mm: the {used} was used, as in SimpleITK and 3D Slicer; results "
        f"store both, and programs that use the {other} show image and results together at another position",
    )


def _spacing(path: Path, header: NiftiHeader, size: tuple[int, int, int]) -> tuple[float, float, float]:
    """Return the spacing; a missing spacing of an axis of one voxel is taken from the sform."""
    lengths = np.linalg.norm(header.sform()[:3, :3], axis=0) if header.matrices.sform_code > 0 else np.zeros(3)
    found = [
        step if step or size[axis] > 1 else float(lengths[axis]) or 1.0 for axis, step in enumerate(header.spacing_mm)
    ]
    x, y, z = found
    check_spacing(path, (x, y, z))
    return x, y, z


def _is_orthogonal(matrix: NDArray[np.float64]) -> bool:
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    if not (np.all(np.isfinite(matrix)) and lengths.min() > 0):
        return False
    direction = matrix[:3, :3] / lengths
    return bool(np.abs(direction.T @ direction - np.eye(3)).max() <= SKEW_TOLERANCE)


def _grid_from_matrix(
    path: Path, lps: NDArray[np.float64], size: tuple[int, int, int], spacing: tuple[float, float, float]
) -> Grid:
    lengths = np.linalg.norm(lps[:3, :3], axis=0)
    if not (np.all(np.isfinite(lps)) and lengths.min() > 0):
        raise GridError(sheared_message(path))
    grid = Grid(size, spacing, tuple(lps[:3, 3]), lps[:3, :3] / lengths)
    if _deviation_mm(lps, grid) > MATRIX_TOLERANCE_MM:
        raise GridError(sheared_message(path))
    return grid


def _deviation_mm(lps: NDArray[np.float64], grid: Grid) -> float:
    """Return the largest distance by which a matrix moves the corner voxels of a grid."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in grid.size])).reshape(3, -1).T  # (8, 3)
    apart = np.linalg.norm(corners @ lps[:3, :3].T + lps[:3, 3] - grid.to_lps(corners), axis=1).max()
    return float(apart) if np.isfinite(apart) else float("inf")


def sheared_message(path: Path) -> str:
    """Return the error message for a sheared NIfTI matrix."""
    return f"{path}: its matrix is sheared or contradicts its spacing; resample it to an orthogonal grid first"


def _voxels(path: Path, header: NiftiHeader, shape_kji: tuple[int, int, int]) -> NDArray[np.float32]:
    """Read and scale the voxels in chunks, to avoid a second copy of the volume."""
    kind, channels = _voxel_type(path, header)
    _check_length(header)
    values = np.empty((header.voxels, channels), np.float32)
    done = 0
    try:
        with open_decompressed(header.data_file) as stream:
            _skip(stream, header.data_start)
            while done < header.voxels:
                count = min(CHUNK_VOXELS, header.voxels - done)
                piece = stream.read(count * channels * kind.itemsize)
                if len(piece) < count * channels * kind.itemsize:
                    have = header.data_start + done * channels * kind.itemsize + len(piece)
                    raise InputError(_truncated(header, have))
                values[done : done + count] = _scaled(np.frombuffer(piece, kind).reshape(count, channels), header)
                done += count
            while stream.read(1 << 20):  # gzip verifies its checksum after the last byte
                pass
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"{header.data_file}: the compressed data is truncated or damaged; copy or export it again"
        ) from error
    except OSError as error:
        raise InputError(f"{header.data_file}: cannot be read ({error.strerror or error})") from error
    array = values.reshape(*shape_kji, channels)
    return array[..., 0] if channels == 1 else single_channel(array, path)


def _voxel_type(path: Path, header: NiftiHeader) -> tuple[np.dtype, int]:
    if header.kind in _COMPLEX:
        raise InputError(f"{path}: has complex voxels; save their magnitude first")
    name = _TYPES.get(header.kind, "")
    channels = int(name[0]) if name[:1].isdigit() else 1
    kind = np.dtype(header.order + name.lstrip("34")) if name else np.dtype("u1")
    if not name or kind.itemsize * channels * 8 != header.bits:
        raise InputError(
            f"{path}: has voxels of type {header.kind} with {header.bits} bits, which are not supported; save them as "
            "16-bit integers or 32-bit floats"
        )
    return kind, channels


def _check_length(header: NiftiHeader) -> None:
    """Raise InputError for a file that is too short for its voxels, before allocating memory."""
    have = header.data_file.stat().st_size
    if header.data_end > (have * MAX_GZIP_RATIO if is_zipped(header.data_file) else have):
        raise InputError(_truncated(header, have))


def _truncated(header: NiftiHeader, have: int) -> str:
    return f"{header.data_file}: truncated, has {have} of {header.data_end} bytes; copy or export it again"


def _skip(stream: gzip.GzipFile, count: int) -> None:
    while count > 0 and (piece := stream.read(min(count, 1 << 20))):
        count -= len(piece)


def _scaled(values: NDArray, header: NiftiHeader) -> NDArray:
    if (header.slope, header.intercept) == (1.0, 0.0):
        return values
    return values.astype(np.float64) * header.slope + header.intercept
