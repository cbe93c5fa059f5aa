"""RawImage: what every reader hands on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import CAMLocalizerError, Grid, InputError, NiftiMatrices


@dataclass(frozen=True, eq=False)
class RawImage:
    """An image as read, not yet checked for content.

    Args:
        array_kji: intensities, shape ``grid.shape_kji``.
        grid: where the voxels lie (LPS, mm).
        format: name of the file format.
        modality: DICOM modality, empty elsewhere.
        unit: unit of the intensities, empty if arbitrary.
        notes: what was assumed, one sentence each.
        matrices: those of a NIfTI file; None for other formats.
        inverted: whether low intensities are meant to be shown bright.
    """

    array_kji: NDArray
    grid: Grid
    format: str
    modality: str = ""
    unit: str = ""
    notes: tuple[str, ...] = ()
    matrices: NiftiMatrices | None = None
    inverted: bool = False


@contextmanager
def named(path: Path, name: str = "") -> Iterator[None]:
    """Make every input error raised inside name the file: ``name: ...`` becomes ``path: ...``."""
    try:
        yield
    except InputError as error:
        text = str(error)
        if text.startswith(str(path)):
            raise
        raise type(error)(f"{path}: {text.removeprefix(f'{name}: ')}") from error


@contextmanager
def undamaged(path: Path, what: str) -> Iterator[None]:
    """Make of whatever a damaged file brings a parser to an error that names the file.

    Args:
        path: the file or folder.
        what: is damaged, such as ``DICOM header``.
    """
    try:
        yield
    except (CAMLocalizerError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        raise InputError(f"{path}: the {what} is damaged ({_short(error)}); copy or export it again") from error


def _short(error: Exception) -> str:
    """Return the kind of an error; its words may quote a header, patients' names among them."""
    return type(error).__name__


def grey(array: NDArray, path: Path) -> NDArray:
    """Take the one channel of an image whose colour channels are all equal.

    Args:
        array: shape (..., channels), 2 to 4 of them; the second or fourth is opacity.
        path: named in the error.

    Returns:
        The channel, shape (...).

    Raises:
        InputError: channels that differ: a colour image or a vector per voxel.
    """
    channels = array.shape[-1]
    colours = array[..., : 1 if channels == 2 else 3]
    opaque = channels not in (2, 4) or np.ptp(array[..., -1]) == 0
    if channels > 4 or not opaque or not np.all(colours == colours[..., :1]):
        raise InputError(
            f"{path}: has {channels} differing channels (colour or vectors); one intensity per voxel is expected"
        )
    return np.ascontiguousarray(colours[..., 0])
