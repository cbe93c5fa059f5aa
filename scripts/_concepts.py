"""The figures of the concept pages: maps, scales and back-projection of one slice of the sample volume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from CAMLocalizerLib import ActivationMap, Localization, Localizer, load_model, read_volume
from CAMLocalizerLib.segment import back_project_scales

DPI = 110
IMAGE, ACTIVATION, OUTLINE = "gray", "inferno", "#00a88f"
OPACITY = 0.55
COARSE = 3  # scale whose cells are large enough to be drawn one by one


@dataclass(frozen=True, eq=False)
class Sample:
    """The sample volume with the maps of ``brain-t1ce``.

    Args:
        found: maps and probabilities of all slices.
        scales: raw maps on the grid of the volume, by scale.
        activation: fused map, 0 to 1, on the grid of the volume.
        mask: the label map.
        k: the axial slice with the largest part of the label map.
    """

    found: Localization
    scales: dict[int, NDArray[np.float32]]
    activation: NDArray[np.float32]
    mask: NDArray[np.bool_]
    k: int

    @property
    def image(self) -> NDArray:
        """The slice, intensities of the volume, shape (rows, columns)."""
        return self.found.volume.array_kji[self.k]

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Borders of the slice in LPS mm, as ``imshow`` takes them: left, right, bottom, top."""
        grid = self.found.volume.grid
        left, top, _ = grid.to_lps((-0.5, -0.5, self.k))
        right, bottom, _ = grid.to_lps((grid.size[0] - 0.5, grid.size[1] - 0.5, self.k))
        return left, right, bottom, top

    def map_of(self, scale: int) -> ActivationMap:
        """Return the raw map of a scale."""
        return self.found.pyramid.select([scale])[0]


def run_sample(path: Path) -> Sample:
    """Run ``brain-t1ce`` on the sample volume with its default settings."""
    found = Localizer(load_model("brain-t1ce")).run(read_volume(path))
    assert isinstance(found, Localization)
    mask = found.label_map().array_kji > 0
    k = int(mask.sum(axis=(1, 2)).argmax())
    return Sample(found, back_project_scales(found.pyramid), found.activation(), mask, k)


def draw_maps(sample: Sample) -> Figure:
    """Draw the four steps from an image to its label map."""
    figure, axes = _row(4)
    _image(axes[0], sample, "1. Slice")
    _cells(axes[1], sample, scale=2, title="2. Class activation map")
    _overlay(axes[2], sample, sample.activation[sample.k], "3. Fused map, interpolated")
    _image(axes[3], sample, "4. Label map")
    _outline(axes[3], sample)
    return figure


def draw_scales(sample: Sample) -> Figure:
    """Draw the map of each scale, and the map that fuses the scales of the model."""
    figure, axes = _row(len(sample.scales) + 1)
    for axis, scale in zip(axes, sample.scales, strict=False):
        cells = sample.map_of(scale)
        size = f"{cells.grid.size[0]} x {cells.grid.size[1]} cells of {cells.grid.spacing_mm[0]:g} mm"
        _overlay(axis, sample, _to_one(sample.scales[scale][sample.k]), f"Scale {scale}\n{size}")
    used = " and ".join(map(str, sample.found.card.scales))
    _overlay(axes[-1], sample, sample.activation[sample.k], f"Fused\nscales {used}")
    _outline(axes[-1], sample)
    return figure


def draw_back_projection(sample: Sample) -> Figure:
    """Draw the cells of a slice in the body, their values on the voxels, and the slices from the side."""
    figure, axes = _row(3)
    _cells(axes[0], sample, scale=COARSE, title=f"Cells of scale {COARSE}")
    _centres(axes[0], sample)
    _overlay(axes[1], sample, _to_one(sample.scales[COARSE][sample.k]), "Interpolated on the voxels of the slice")
    _coronal(axes[2], sample)
    return figure


FIGURES: dict[str, Callable[[Sample], Figure]] = {
    "maps": draw_maps,
    "scales": draw_scales,
    "back-projection": draw_back_projection,
}


def _row(count: int) -> tuple[Figure, NDArray]:
    figure = Figure(figsize=(3.1 * count, 3.85), dpi=DPI, layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, count))
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])
    return figure, axes


def _image(axis: Axes, sample: Sample, title: str) -> None:
    axis.imshow(sample.image, IMAGE, extent=sample.extent, vmax=np.percentile(sample.image, 99.7))
    axis.set_title(title, fontsize=10)


def _overlay(axis: Axes, sample: Sample, values: NDArray, title: str) -> None:
    """Draw a map over the slice, more opaque where it is higher."""
    _image(axis, sample, title)
    axis.imshow(values, ACTIVATION, extent=sample.extent, alpha=_opacity(values), vmin=0, vmax=1)


def _cells(axis: Axes, sample: Sample, *, scale: int, title: str) -> None:
    """Draw the cells of a raw map as squares where they lie in the body."""
    cells = sample.map_of(scale)
    values = _to_one(cells.array_kji[sample.k])
    left, top, _ = cells.grid.to_lps((-0.5, -0.5, sample.k))
    right, bottom, _ = cells.grid.to_lps((cells.grid.size[0] - 0.5, cells.grid.size[1] - 0.5, sample.k))
    size = f"{cells.grid.size[0]} x {cells.grid.size[1]} cells of {cells.grid.spacing_mm[0]:g} mm"
    _image(axis, sample, f"{title}\n{size}")
    axis.imshow(values, ACTIVATION, extent=(left, right, bottom, top), alpha=_opacity(values), interpolation="nearest")
    _frame(axis, sample)


def _centres(axis: Axes, sample: Sample) -> None:
    """Mark the centres of the cells that lie within the slice."""
    grid = sample.map_of(COARSE).grid
    columns, rows = np.meshgrid(np.arange(grid.size[0]), np.arange(grid.size[1]))
    index = np.stack([columns.ravel(), rows.ravel(), np.full(columns.size, sample.k)], axis=1)
    x, y = np.array([grid.to_lps(cell)[:2] for cell in index]).T
    axis.plot(x, y, ".", color="white", markersize=1.5)
    _frame(axis, sample)


def _coronal(axis: Axes, sample: Sample) -> None:
    """Draw the fused map in the coronal plane, where every row of voxels is one axial slice."""
    volume = sample.found.volume
    row = int(sample.mask.sum(axis=(0, 2)).argmax())
    x, _, z = volume.grid.to_lps((-0.5, row, -0.5))
    right, _, top = volume.grid.to_lps((volume.grid.size[0] - 0.5, row, volume.grid.size[2] - 0.5))
    image, values = volume.array_kji[:, row], sample.activation[:, row]
    extent = (x, right, z, top)
    axis.imshow(image, IMAGE, extent=extent, origin="lower", vmax=np.percentile(image, 99.7), interpolation="nearest")
    axis.imshow(values, ACTIVATION, extent=extent, origin="lower", alpha=_opacity(values), interpolation="nearest")
    thickness = volume.grid.spacing_mm[2]
    bottom = z + sample.k * (top - z) / volume.grid.size[2]
    axis.add_patch(Rectangle((x, bottom), right - x, thickness, fill=False, edgecolor=OUTLINE))
    title = f"Coronal plane: one map per slice\nof {thickness:.1f} mm, the outlined one is shown left"
    axis.set_title(title, fontsize=10)


def _outline(axis: Axes, sample: Sample) -> None:
    left, right, bottom, top = sample.extent
    axis.contour(sample.mask[sample.k], levels=[0.5], colors=OUTLINE, linewidths=1.5, extent=(left, right, top, bottom))


def _frame(axis: Axes, sample: Sample) -> None:
    left, right, bottom, top = sample.extent
    axis.set_xlim(left, right)
    axis.set_ylim(bottom, top)


def _to_one(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values / max(float(values.max()), float(np.finfo(np.float32).tiny))


def _opacity(values: NDArray) -> NDArray:
    return OPACITY * np.clip(values / 0.4, 0, 1)
