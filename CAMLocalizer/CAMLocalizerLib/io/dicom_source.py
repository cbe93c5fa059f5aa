"""DicomSource: the series that a DICOM result refers to, and its grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, GridError, InputError, SeriesError
from .dicom import find_stack, intensity_unit
from .dicom_files import Entry
from .dicom_headers import is_multi_frame, reduced_headers
from .dicom_stacks import Stack
from .grid_copy import copy_to_grid, describe_grid, same_voxels
from .image import prefix_path, report_damage
from .quiet import quiet
from .signatures import file_format

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True, eq=False)
class DicomSource:
    """A DICOM series without its pixels.

    Args:
        headers: attributes that results repeat, without private or further patient data; one header per slice,
            sorted along k, or one header of a file with all frames.
        grid: grid of the volume that :func:`read_volume` returns for the series.
        frames: number of the stored frame (from 0) of each slice k; 0, 1, ... for one file per slice.
        modality: ``MR``, ``CT``, ``PT``, ...
        unit: unit of the volume's intensities, empty if arbitrary.
        notes: one sentence for each attribute of patient or study that the source lacks.
    """

    headers: tuple[Dataset, ...] = field(repr=False)
    grid: Grid
    frames: NDArray[np.intp] = field(repr=False)
    modality: str
    unit: str = ""
    notes: tuple[str, ...] = ()

    @property
    def study_uid(self) -> str:
        """StudyInstanceUID."""
        return str(self.headers[0].StudyInstanceUID)

    @property
    def series_uid(self) -> str:
        """SeriesInstanceUID."""
        return str(self.headers[0].SeriesInstanceUID)

    def stored_frames(self, array_kji: NDArray, grid: Grid) -> NDArray:
        """Reorder an array to the source's slices or stored frames.

        Args:
            array_kji: shape ``grid.shape_kji``.
            grid: the source's own, or the same voxels with axes in another order or direction.

        Returns:
            Shape (frames, rows, columns).

        Raises:
            GridError: voxels other than the source's; the message names both grids.
        """
        check_source(self, grid)
        sorted_kji = copy_to_grid(array_kji, grid, self.grid)
        stored = np.empty_like(sorted_kji)
        stored[self.frames] = sorted_kji
        return stored


def read_dicom_source(path: str | Path, *, series: str | None = None) -> DicomSource | None:
    """Read the headers of a DICOM series that results will refer to.

    Args:
        path: path that :func:`read_volume` read, or a folder or file of the same series.
        series: SeriesInstanceUID or SeriesNumber, if a folder contains several.

    Returns:
        The series; None if the path is a file of another format.

    Raises:
        InputError: no such file, a damaged one, or one without an attribute that DICOM results need.
        SeriesError: a folder without exactly one complete series, or files of several patients or studies.
        GridError: gantry tilt or a damaged geometry.
    """
    path = Path(path)
    if not path.is_dir() and file_format(path) != "DICOM":
        return None
    found = find_stack(path, series)
    with quiet(), prefix_path(path), report_damage(path, "DICOM header"):
        order, grid = found.stack.order_and_grid()
        entries, frames = _sorted_entries(found.stack, order)
        headers, notes = reduced_headers(entries, grid)
        modality = str(headers[0].get("Modality", "") or "")
        if not modality:
            raise SeriesError(f"{entries[0].path}: Modality (0008,0060) is missing; DICOM results need it")
    return DicomSource(headers, grid, frames, modality, intensity_unit(found.stack.headers, modality)[0], notes)


def _sorted_entries(stack: Stack, order: NDArray[np.intp]) -> tuple[list[Entry], NDArray[np.intp]]:
    """Return the files, sorted along k if each is a slice, and the stored frame of each slice."""
    entries = list(stack.entries)
    if len(entries) == 1 and is_multi_frame(entries[0].header):
        if len(order) != entries[0].frames:
            raise InputError("is part of a multi-frame image; DICOM results can only refer to all of its frames")
        return entries, order
    if any(is_multi_frame(entry.header) for entry in entries):
        raise InputError("is a multi-frame image in several files; DICOM results can only refer to one such file")
    return [stack.frames[index].entry for index in order], np.arange(len(order))


def check_source(source: DicomSource, grid: Grid) -> None:
    """Check that a grid has the voxels of a source series, in any order and direction of its axes.

    Raises:
        GridError: different voxels; the message names both grids.
    """
    if not same_voxels(grid, source.grid):
        raise GridError(
            f"the result lies on {describe_grid(grid)}, the DICOM series on {describe_grid(source.grid)}; "
            "give the series that the image was made from"
        )
