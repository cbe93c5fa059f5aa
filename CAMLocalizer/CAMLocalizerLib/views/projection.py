"""ProjectionPair: coronal and sagittal maximum intensity projections of a volume, and their back-projection."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core import Grid, SettingsError, Volume
from .normalise import normalise_slices
from .planes import PlaneAxes, plane_axes
from .resampling import (
    EDGE_TOLERANCE,
    apply_weights,
    border_cells,
    centre_of_first_cell,
    centred_weights,
    linear_weights,
)

PROJECTIONS = ("coronal", "sagittal")
# A feature cell of the published network covers 16 pixels; sizes are multiples of 16, so that no cell is cropped.
PIXELS_PER_CELL = 16
PROJECTION_SPACING_MM = 2.0
ROWS_PER_BLOCK = 16


@dataclass(frozen=True, eq=False)
class ProjectionPair:
    """Two maximum intensity projections of a volume, resampled linearly to isotropic voxels.

    Rows run from superior to inferior in both; columns run to the patient's left in the coronal projection and to
    posterior in the sagittal one. Both have the same size and are centred on the volume's centre. Oblique volumes are
    projected along the storage axes nearest to the anatomical ones, without oblique resampling. Axes with a spacing
    below ``spacing_mm`` are averaged. Only a few rows of the resampled volume are in memory at a time.

    Args:
        volume: volume to project, in any storage order.
        spacing_mm: edge length of the isotropic voxels and pixels; positive.
        size: width and height of each projection in pixels, multiples of 16; the projections are cropped or padded with
            zeros. None uses :func:`projection_size`, which covers the whole volume.

    Raises:
        SettingsError: a spacing that is not positive, or a size that is not a multiple of 16.

    Source:
        Amyar et al., Weakly supervised tumor detection in PET using class response, 2020, section 3: 2 mm voxels,
        maximum intensity projections of face and profile. The paper uses a fixed frame; here the whole volume is used,
        because fully convolutional networks accept any size and no tumour may be lost at a border.
    """

    volume: Volume
    _: KW_ONLY
    spacing_mm: float = PROJECTION_SPACING_MM
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not np.isfinite(self.spacing_mm) or self.spacing_mm <= 0:
            raise SettingsError(f"spacing of the projections must be positive, got {self.spacing_mm} mm")
        if self.size is None:
            return
        if len(self.size) != 2 or min(self.size) < 1 or any(pixels % PIXELS_PER_CELL for pixels in self.size):
            raise SettingsError(
                f"size of the projections must be (width, height) in multiples of {PIXELS_PER_CELL}, got {self.size}"
            )

    def __len__(self) -> int:
        return len(PROJECTIONS)

    @cached_property
    def pixels(self) -> tuple[int, int]:
        """Width and height of each projection."""
        return self.size or projection_size(self.volume.grid, self.spacing_mm)

    def axes(self, plane: str) -> PlaneAxes:
        """Storage axes of the columns, the rows and the direction of projection.

        Raises:
            SettingsError: a plane without projection.
        """
        if plane not in PROJECTIONS:
            raise SettingsError(f"projection must be one of {', '.join(PROJECTIONS)}, got {plane!r}")
        return plane_axes(self.volume.grid, plane)

    @property
    def filled(self) -> NDArray[np.bool_]:
        """Whether each projection shows enough of the body to be classified, shape (2,): always True."""
        return np.ones(len(self), dtype=bool)

    def batch(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return projections ``start`` to ``stop`` (exclusive): 0 is the coronal one, 1 the sagittal one.

        Returns:
            Intensities in the volume's unit, float32, shape (projections, height, width).
        """
        return self.images[start:stop]

    @cached_property
    def images(self) -> NDArray[np.float32]:
        """Both projections in the volume's unit, float32, shape (2, height, width)."""
        left, inferior, posterior = (2 - axis for axis in self.axes("coronal").axes)
        stored = self.volume.array_kji.transpose(inferior, posterior, left)
        width, height = self.pixels
        rows = self._weights("coronal", 1, height)
        columns, depths = (self._weights(plane, 0, self._covering_pixels(plane)) for plane in PROJECTIONS)
        across, along = (np.flatnonzero(weights.any(axis=1)) for weights in (columns, depths))  # inside the volume
        coronal, sagittal = (np.zeros((height, len(weights)), dtype=np.float32) for weights in (columns, depths))
        for start in range(0, height, ROWS_PER_BLOCK):
            part = slice(start, start + ROWS_PER_BLOCK)
            block = _resample(stored, rows[part], depths[along], columns[across])  # (rows, depth, columns)
            coronal[part, across] = block.max(axis=1)
            sagittal[part, along] = block.max(axis=2)
        return np.stack([_crop_or_pad(coronal, width), _crop_or_pad(sagittal, width)])

    def _covering_pixels(self, plane: str) -> int:
        """Return the number of pixels across the whole volume; even, like the width, so that pixel centres coincide."""
        source, axis = self.volume.grid, self.axes(plane).axes[0]
        return 2 * math.ceil(source.size[axis] * source.spacing_mm[axis] / (2 * self.spacing_mm) - EDGE_TOLERANCE)

    def _weights(self, plane: str, display_axis: int, pixels: int) -> NDArray[np.float32]:
        source, axes = self.volume.grid, self.axes(plane)
        axis = axes.axes[display_axis]
        return centred_weights(
            pixels,
            self.spacing_mm,
            count=source.size[axis],
            source_mm=source.spacing_mm[axis],
            sign=axes.signs[display_axis],
        )

    def to_pixels(self, plane: str, lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Convert LPS positions in mm, shape (..., 3), to fractional (column, row) of a projection, shape (..., 2)."""
        ijk = self.volume.grid.to_ijk(lps_mm)
        return np.stack([self._pixel_of(plane, n, ijk[..., self.axes(plane).axes[n]]) for n in range(2)], axis=-1)

    def _pixel_of(self, plane: str, display_axis: int, index: NDArray[np.float64]) -> NDArray[np.float64]:
        source, axes = self.volume.grid, self.axes(plane)
        axis, sign = axes.axes[display_axis], axes.signs[display_axis]
        from_middle = (index - (source.size[axis] - 1) / 2) * (source.spacing_mm[axis] / self.spacing_mm) * sign
        return from_middle + (self.pixels[display_axis] - 1) / 2

    def to_volume(
        self, cells: NDArray[np.float32], plane: str, *, stride: float, offset: float | None = None
    ) -> NDArray[np.float32]:
        """Project a feature map of one projection back to the voxels.

        Values are interpolated linearly between cell centres and constant from the outermost centres to the borders of
        their cells; outside the cells the result is zero. The cells are centred in the projection: if they cover it,
        cell c corresponds to the pixels ``stride * c`` to ``stride * (c + 1) - 1``. All voxels along a line of
        projection have the same value, so that axis has length 1.

        Args:
            cells: shape (height, width) in cells.
            plane: ``coronal`` or ``sagittal``.
            stride: pixels per cell; positive.
            offset: pixel index of the centre of the first cell, in both directions; None centres the cells.

        Returns:
            float32 array that broadcasts against ``volume.array_kji``.

        Raises:
            SettingsError: another plane.
        """
        axes = self.axes(plane).axes
        columns, rows = (self._cell_weights(plane, n, stride, cells.shape[1 - n], offset) for n in range(2))
        held = [self._border_cells(n, stride, cells.shape[1 - n], offset) for n in (1, 0)]
        lines = apply_weights(rows, np.pad(cells, held, mode="edge"), columns)[
            ..., None
        ]  # (rows, columns, 1) in storage order
        return np.moveaxis(lines, (0, 1, 2), (2 - axes[1], 2 - axes[0], 2 - axes[2]))

    def _cell_weights(
        self, plane: str, display_axis: int, stride: float, cells: int, offset: float | None
    ) -> NDArray[np.float32]:
        stored = np.arange(self.volume.grid.size[self.axes(plane).axes[display_axis]], dtype=np.float64)
        pixels = self._pixel_of(plane, display_axis, stored)
        before, behind = self._border_cells(display_axis, stride, cells, offset)
        first = self._first_centre(display_axis, stride, cells, offset)
        return linear_weights((pixels - first) / stride + before, before + cells + behind)

    def _first_centre(self, display_axis: int, stride: float, cells: int, offset: float | None) -> float:
        return centre_of_first_cell(self.pixels[display_axis], cells, stride) if offset is None else offset

    def _border_cells(self, display_axis: int, stride: float, cells: int, offset: float | None) -> tuple[int, int]:
        """Return how many border cells to add on both sides, so that cells cover the projection."""
        first = self._first_centre(display_axis, stride, cells, offset)
        return border_cells(self.pixels[display_axis], cells, stride, first)


def projection_size(
    grid: Grid,
    spacing_mm: float = PROJECTION_SPACING_MM,
    at_least: tuple[int, int] = (1, 1),
    multiple_of: int = PIXELS_PER_CELL,
) -> tuple[int, int]:
    """Return the width and height of projections that cover a whole volume.

    Args:
        grid: grid of the volume; the width covers both its left-right and its anterior-posterior extent.
        spacing_mm: pixel spacing of the projections; positive.
        at_least: minimum width and height.
        multiple_of: width and height are multiples of this number, itself a multiple of 16.

    Returns:
        The smallest such width and height in pixels.
    """
    axes = plane_axes(grid, "coronal").axes
    left, inferior, posterior = (grid.size[axis] * grid.spacing_mm[axis] / spacing_mm for axis in axes)
    wanted = (max(left, posterior, at_least[0]), max(inferior, at_least[1]))
    width, height = (multiple_of * math.ceil(pixels / multiple_of - EDGE_TOLERANCE) for pixels in wanted)
    return width, height


def mip_images(
    volume: Volume, spacing_mm: float = PROJECTION_SPACING_MM, size: tuple[int, int] | None = None
) -> NDArray[np.float32]:
    """Return the two projections of a PET as input of a network.

    Args:
        volume: PET in SUV (body weight), in any storage order.
        spacing_mm: edge length of the isotropic voxels.
        size: width and height in pixels, multiples of 16; None covers the whole volume.

    Returns:
        float32, shape (2, height, width): coronal, then sagittal; 0 to 30 SUV map to 0 to 1.

    Raises:
        SettingsError: as for :class:`ProjectionPair`.
    """
    pair = ProjectionPair(volume, spacing_mm=spacing_mm, size=size)
    return normalise_slices(pair.images, "suv-30")


def _resample(
    stored: NDArray[np.float32], rows: NDArray[np.float32], depths: NDArray[np.float32], columns: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Resample (inferior, posterior, left) along all three axes, using only the stored planes that the rows need."""
    needed = np.flatnonzero(rows.any(axis=0))
    if not needed.size:
        return np.zeros((len(rows), len(depths), len(columns)), dtype=np.float32)
    planes = slice(needed[0], needed[-1] + 1)
    mixed = np.tensordot(rows[:, planes], stored[planes], axes=1)  # (rows, posterior, left)
    return apply_weights(depths, mixed, columns)


def _crop_or_pad(image: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Crop or pad columns equally on both sides; both widths are even."""
    spare = (width - image.shape[1]) // 2
    if spare < 0:
        return image[:, -spare:spare]
    return np.pad(image, ((0, 0), (spare, spare)))
