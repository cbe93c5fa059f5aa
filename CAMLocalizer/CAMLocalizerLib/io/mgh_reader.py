"""Read FreeSurfer's MGH files, ``.mgh`` and compressed ``.mgz``."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from ..core import Grid, GridError, InputError
from .headers import check_spacing
from .image import RawImage
from .signatures import open_decompressed

HEADER_BYTES = 284
MAX_GZIP_RATIO = 1100
_TYPES = {0: ">u1", 1: ">i4", 3: ">f4", 4: ">i2", 10: ">u2"}
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])


def read_mgh(path: Path) -> RawImage:
    """Read an MGH file with one frame and convert RAS to LPS.

    Raises:
        InputError: a file that is truncated, damaged, has several frames or an unsupported voxel type.
        GridError: a spacing that is not positive, or axes that are not orthogonal.

    Source: FreeSurfer wiki, "MGH Format"; the centre of the volume is at voxel (width, height, depth) / 2.
    """
    try:
        with open_decompressed(path) as stream:
            head = stream.read(HEADER_BYTES)
            if len(head) < HEADER_BYTES:
                raise InputError(f"{path}: the file is truncated inside its header")
            shape, kind, grid, notes = _header(path, head)
            needed = int(np.prod(shape)) * kind.itemsize
            if needed > path.stat().st_size * MAX_GZIP_RATIO:
                raise InputError(f"{path}: truncated; copy or export it again")
            data = stream.read(needed)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: the compressed data is truncated or damaged; copy or export it again") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    if len(data) < needed:
        raise InputError(f"{path}: truncated, has {len(data)} of {needed} bytes of voxels; copy or export it again")
    array = np.frombuffer(data, kind).reshape(shape[::-1]).astype(np.float32)  # i runs fastest: (k, j, i)
    return RawImage(array, grid, "MGH", notes=notes)


def _header(path: Path, head: bytes) -> tuple[tuple[int, int, int], np.dtype, Grid, tuple[str, ...]]:
    version, width, height, depth, frames, code, _dof = struct.unpack_from(">7i", head)
    placed = struct.unpack_from(">h", head, 28)[0]
    values = struct.unpack_from(">15f", head, 30)
    if version != 1 or min(width, height, depth, frames) < 1:
        raise InputError(f"{path}: the MGH header is damaged: its axes are {(width, height, depth, frames)}")
    if frames > 1:
        raise InputError(f"{path}: has {frames} frames; a 3D volume is expected; extract one frame first")
    if code not in _TYPES:
        raise InputError(f"{path}: has voxels of type {code}, which are not supported; convert it to NIfTI first")
    size = (width, height, depth)
    if placed != 1:
        note = "the file has no position in patient space: left and right are uncertain"
        return size, np.dtype(_TYPES[code]), Grid(size, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3)), (note,)
    check_spacing(path, values[:3])
    x, y, z = values[:3]
    ras = np.reshape(values[3:12], (3, 3)).T  # columns are the directions of i, j and k
    lengths = np.linalg.norm(ras, axis=0)
    if not np.allclose(lengths, 1, atol=1e-3):
        raise GridError(f"{path}: direction must have unit columns, got {ras.round(5).tolist()}; convert it to NIfTI")
    direction = _RAS_TO_LPS @ (ras / lengths)
    centre = _RAS_TO_LPS @ np.array(values[12:15])
    left, posterior, superior = (centre - direction @ (np.array([x, y, z]) * size) / 2).tolist()
    return size, np.dtype(_TYPES[code]), Grid(size, (x, y, z), (left, posterior, superior), direction), ()
