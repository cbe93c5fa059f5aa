"""SliceStack: the slices of a volume as input of a model, one batch at a time."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, SettingsError, Volume
from .foreground import content_extent, foreground_counts
from .planes import PlaneAxes, acquisition_plane, check_plane, plane_axes
from .resampling import apply_weights, border_cells, centre_of_first_cell, centred_weights

CENTRES = ("volume", "content")
MIN_FILLED_FRACTION = 0.05  # least foreground of a slice to be classified, relative to the fullest slice


@dataclass(frozen=True, eq=False)
class SliceStack:
    """Slices of a volume in anatomical orientation, resampled in-plane to a model's spacing and size.

    There is one slice per stored slice, without resampling across slices. The slices are centred in-plane on the volume
    or on its content; pixels outside the volume have the slice's minimum.

    Args:
        volume: volume to slice, in any storage order. An inverted volume in arbitrary units is sliced as displayed.
        plane: ``axial``, ``coronal`` or ``sagittal``.
        spacing_mm: distance between neighbouring pixel centres in both directions; positive.
        size: width and height in pixels.
        centre: ``volume``, or ``content`` for the middle of the bounding box of the foreground, see
            :func:`content_extent`, which ignores empty borders and an off-centre body.

    Raises:
        SettingsError: an unknown plane or centre, a spacing that is not positive or a size below 1.
    """

    volume: Volume
    plane: str
    _: KW_ONLY
    spacing_mm: float
    size: tuple[int, int]
    centre: str = "volume"

    def __post_init__(self) -> None:
        if not self.volume.unit:  # intensities with a unit are used as they are, whatever their display
            object.__setattr__(self, "volume", self.volume.displayed())
        check_plane(self.plane)
        if not np.isfinite(self.spacing_mm) or self.spacing_mm <= 0:
            raise SettingsError(f"spacing of the slices must be positive, got {self.spacing_mm} mm")
        if len(self.size) != 2 or min(self.size) < 1:
            raise SettingsError(f"size of the slices must be (width, height) of at least 1 pixel, got {self.size}")
        if self.centre not in CENTRES:
            raise SettingsError(f"centre of the slices must be one of {', '.join(CENTRES)}, got {self.centre!r}")

    def __len__(self) -> int:
        return self.grid.size[2]

    @cached_property
    def axes(self) -> PlaneAxes:
        """Storage axes of the columns, rows and slices."""
        return plane_axes(self.volume.grid, self.plane)

    @cached_property
    def _centred_extent(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """First and last voxel of the extent to centre on, along the storage axes of the columns and rows."""
        columns, rows = self.axes.axes[:2]
        if self.centre == "content":
            return content_extent(self._foreground[columns]), content_extent(self._foreground[rows])
        return (0, self.volume.grid.size[columns] - 1), (0, self.volume.grid.size[rows] - 1)

    @cached_property
    def _foreground(self) -> tuple[NDArray[np.int64], ...]:
        return foreground_counts(self.volume.array_kji)

    @property
    def filled(self) -> NDArray[np.bool_]:
        """Whether each slice shows enough of the body to be classified, shape (slices,).

        With slices centred on the content, this is False for slices with less than a twentieth of the foreground of the
        fullest slice, such as the first and last slices of a brain; classifiers are not trained on these.
        """
        if self.centre != "content":
            return np.ones(len(self), dtype=bool)
        counts = self._foreground[self.axes.axes[2]][:: self.axes.signs[2]]
        enough: NDArray[np.bool_] = counts >= MIN_FILLED_FRACTION * counts.max()
        return enough

    @cached_property
    def grid(self) -> Grid:
        """Grid of the resampled slices: i and j count columns and rows of pixels, k the slices."""
        source = self.volume.grid
        axes, signs = list(self.axes.axes), np.array(self.axes.signs)
        counts = np.array(source.size)[axes]
        centre_ijk = (np.array(source.size) - 1) / 2
        centre_ijk[axes[:2]] = [sum(ends) / 2 for ends in self._centred_extent]
        centre = source.to_lps(centre_ijk)
        spacing = np.array([self.spacing_mm, self.spacing_mm, source.spacing_mm[axes[2]]])
        size = np.array([*self.size, counts[2]])
        direction = source.direction[:, axes] * signs
        origin = centre - direction @ (spacing * (size - 1) / 2)
        return Grid(tuple(size), tuple(spacing), tuple(origin), direction)

    @property
    def cropped_mm(self) -> tuple[float, float]:
        """Width and height of the centred extent outside the slices, summed over both sides, at least 0."""
        spacing_mm = [self.volume.grid.spacing_mm[axis] for axis in self.axes.axes[:2]]
        extent = [(last - first + 1) * mm for (first, last), mm in zip(self._centred_extent, spacing_mm, strict=True)]
        left_out = [max(0.0, mm - pixels * self.spacing_mm) for mm, pixels in zip(extent, self.size, strict=True)]
        return left_out[0], left_out[1]

    @cached_property
    def _weights(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self._axis_weights(1), self._axis_weights(0)

    def _axis_weights(self, display_axis: int) -> NDArray[np.float32]:
        source, axis = self.volume.grid, self.axes.axes[display_axis]
        return centred_weights(
            self.size[display_axis],
            self.spacing_mm,
            count=source.size[axis],
            source_mm=source.spacing_mm[axis],
            sign=self.axes.signs[display_axis],
            centre=sum(self._centred_extent[display_axis]) / 2,
        )

    def batch(self, start: int, stop: int, array_kji: NDArray | None = None) -> NDArray[np.float32]:
        """Resample slices ``start`` to ``stop`` (exclusive); only these are in memory.

        Args:
            start: first slice.
            stop: index after the last slice.
            array_kji: array to resample instead of the volume's intensities, such as a mask, shape
                ``volume.grid.shape_kji``.

        Returns:
            Intensities in the volume's unit, float32, shape (slices, height, width).
        """
        rows, columns = self._weights
        values = self.volume.array_kji if array_kji is None else array_kji
        stored = self.axes.as_slices(values)[start:stop]
        if not len(stored):
            return np.zeros((0, *self.size[::-1]), dtype=np.float32)
        outside = 1.0 - np.outer(rows.any(axis=1), columns.any(axis=1)).astype(np.float32)  # (height, width)
        lowest = stored.min(axis=(1, 2)).astype(np.float32)
        return apply_weights(rows, stored, columns) + lowest[:, None, None] * outside

    def cell_grid(self, size: tuple[int, int], stride: float, offset: float | tuple[float, float]) -> Grid:
        """Return the grid of the cells of a feature map of these slices.

        Args:
            size: width and height of the map in cells.
            stride: distance between neighbouring cells in pixels; positive.
            offset: pixel index of the centre of the first cell, in both directions or for columns and rows;
                (stride - 1) / 2 if every cell corresponds to ``stride`` pixels and padding keeps the borders aligned.

        Returns:
            Grid with cells along i and j and slices along k.
        """
        spacing = self.spacing_mm * stride
        width, height = size
        column, row = offset if isinstance(offset, tuple) else (offset, offset)
        origin = self.grid.to_lps((column, row, 0))
        return Grid(
            (width, height, len(self)), (spacing, spacing, self.grid.spacing_mm[2]), tuple(origin), self.grid.direction
        )


def extend_to_border(
    stack: SliceStack, cells: NDArray[np.float32], stride: float, offset: float | None = None
) -> tuple[NDArray[np.float32], Grid]:
    """Extend feature maps to the border of the slices by repeating the outermost cells, and return their grid.

    Args:
        stack: the slices.
        cells: maps of all slices, shape (slices, h, w).
        stride: pixels per cell; positive.
        offset: pixel index of the centre of the first cell, in both directions; None centres the cells.

    Returns:
        The maps, with additional rows and columns if the cells do not cover the slices, and their grid.
    """
    sides = list(zip(stack.size, cells.shape[:0:-1], strict=True))  # columns, rows
    firsts = [centre_of_first_cell(*side, stride) if offset is None else offset for side in sides]
    columns, rows = (border_cells(*side, stride, first) for side, first in zip(sides, firsts, strict=True))
    held = np.pad(cells, ((0, 0), rows, columns), mode="edge")
    grid = stack.cell_grid(
        (held.shape[2], held.shape[1]), stride, (firsts[0] - columns[0] * stride, firsts[1] - rows[0] * stride)
    )
    return held, grid


def slice_stack(
    volume: Volume, plane: str = "auto", *, spacing_mm: float, size: tuple[int, int], centre: str = "volume"
) -> SliceStack:
    """Create a :class:`SliceStack`; the plane ``auto`` is the one in which the volume was acquired.

    Raises:
        SettingsError: as for :class:`SliceStack`.
    """
    chosen = acquisition_plane(volume.grid) if plane == "auto" else plane
    return SliceStack(volume, chosen, spacing_mm=spacing_mm, size=size, centre=centre)
