"""RawImage: the common result of all readers."""

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
    """An image as read, before its content is checked.

    Args:
        array_kji: intensities, shape ``grid.shape_kji``.
        grid: position of the voxels (LPS, mm).
        format: name of the file format.
        modality: DICOM modality, empty for other formats.
        unit: unit of the intensities, empty if arbitrary.
        notes: assumptions, one sentence each.
        matrices: matrices of a NIfTI file; None for other formats.
        inverted: whether low intensities are displayed bright.
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
def prefix_path(path: Path, name: str = "") -> Iterator[None]:
    """Prefix every input error raised inside with the path: ``name: ...`` becomes ``path: ...``."""
    try:
        yield
    except InputError as error:
        text = str(error)
        if text.startswith(str(path)):
            raise
        raise type(error)(f"{path}: {text.removeprefix(f'{name}: ')}") from error


@contextmanager
def report_damage(path: Path, what: str) -> Iterator[None]:
    """Convert any error of a parser on a damaged file to an InputError that names the file.

    Args:
        path: the file or folder.
        what: the damaged part, such as ``DICOM header``.
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
    """Return the type of an error; its message may quote a header, including patients' names."""
    return type(error).__name__


def single_channel(array: NDArray, path: Path) -> NDArray:
    """Return a single channel of an image whose colour channels are all equal.

    Args:
        array: shape (..., channels), 2 to 4 channels; the second of two or the fourth is opacity.
        path: path for the error message.

    Returns:
        The channel, shape (...).

    Raises:
        InputError: channels that differ, as in a colour image or a vector per voxel.
    """
    channels = array.shape[-1]
    colours = array[..., : 1 if channels == 2 else 3]
    opaque = channels not in (2, 4) or np.ptp(array[..., -1]) == 0
    if channels > 4 or not opaque or not np.all(colours == colours[..., :1]):
        raise InputError(
            f"{path}: has {channels} differing channels (colour or vectors); one intensity per voxel is expected"
        )
    return np.ascontiguousarray(colours[..., 0])
