"""SliceMaskEngine: the quickest way from settings to a mask where a model ran on slices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core import LabelMap
from ...core.arrays import read_only
from ...localizer import LabelSettings, Localization
from ...segment import ActivationLevels, ComponentSet, Threshold, refine
from ...segment.fuse import Fusion, back_project_scales
from ...segment.sums import slice_maxima, stretch_maxima
from ...segment.threshold import reach
from ...segment.voxel_runs import Runs
from ...views import plane_axes

# Highest values are kept of stretches of whole rows, of about this many voxels.
STRETCH = 2048
# Share of all stretches from which on it is quicker to read every voxel.
MANY_STRETCHES = 0.5
# Refined components that are remembered, as refining takes too long for undo; runs of voxels take little memory.
REMEMBERED = 32


class SliceMaskEngine:
    """Activation and components under quickly changing settings, voxel by voxel those of the library.

    All scales are brought to the volume's grid once and kept there, so that a change costs one pass over them.

    Args:
        found: what the model saw.
    """

    def __init__(self, found: Localization) -> None:
        self._volume = found.volume
        self._pyramid = found.pyramid
        self._reference = found.card.map_levels
        self._maps = back_project_scales(found.pyramid)
        self._activation = np.zeros(found.volume.grid.shape_kji, dtype=np.float32)
        self._mask = np.empty(found.volume.grid.shape_kji, dtype=bool)
        self._maxima: dict[int, NDArray[np.float32]] = {}
        self._refined: dict[LabelSettings, ComponentSet] = {}  # those used last come last
        self._new_activation()

    def _new_activation(self) -> None:
        self._levels = ActivationLevels(self._activation)
        self._stretches: NDArray[np.float32] | None = None

    @property
    def activation(self) -> NDArray[np.float32]:
        """What :meth:`fuse` gave last, read-only; zero before the first time."""
        return read_only(self._activation, np.float32)

    @property
    def levels(self) -> ActivationLevels:
        """Percentiles, histogram and cumulative counts of :attr:`activation`, computed when first asked for."""
        return self._levels

    def fuse(self, settings: LabelSettings) -> NDArray[np.float32]:
        """Fuse the scales.

        Returns:
            Activation in 0..1, float32, read-only; a buffer that the next call fills anew.

        Raises:
            SettingsError: scales or a normalisation that the model lacks; the activation stays as it was.
        """
        fusion = Fusion.of(self._pyramid, reference=self._reference, **settings.fusing())
        for scale in set(fusion.shares) - set(self._maxima):
            self._maxima[scale] = slice_maxima(self._maps[scale], fusion.slice_axis)
        fusion.write(self._activation, self._maps, self._maxima)
        self._new_activation()
        return self.activation

    def component_set(self, settings: LabelSettings, *, rough: bool = False) -> ComponentSet:
        """Find the components of the label map of the activation that was fused last.

        Args:
            settings: threshold and rules of size; those of the fusion are ignored.
            rough: leave a refinement out.

        Returns:
            Components; they stay true when the activation changes, but for their peaks: ask for these before.
        """
        if rough or settings.refinement == "none":
            return self._unrefined(settings)
        if (known := self._refined.pop(settings, None)) is None:
            known = self._refine(self._unrefined(settings), settings)
            _ = known.peaks_kji  # while the activation is theirs
        self._refined[settings] = known
        if len(self._refined) > REMEMBERED:
            del self._refined[next(iter(self._refined))]
        return known

    def _unrefined(self, settings: LabelSettings) -> ComponentSet:
        value = Threshold.parse(settings.threshold).value(self._levels)
        found = ComponentSet.of_runs(self._runs(value), self._volume.grid, self.activation)
        return self._large_enough(found, settings)

    def _refine(self, component_set: ComponentSet, settings: LabelSettings) -> ComponentSet:
        """Draw the border to the image's edges; components are chosen before it and once more after it."""
        mask = np.zeros(self._volume.grid.shape_kji, dtype=np.uint8)
        component_set.write(mask, range(1, len(component_set) + 1))
        drawn = refine(self.activation, LabelMap(mask, component_set.grid), self._volume, settings.refinement)
        return self._large_enough(ComponentSet.of(drawn.array_kji, component_set.grid, self.activation), settings)

    def _large_enough(self, component_set: ComponentSet, settings: LabelSettings) -> ComponentSet:
        return component_set.large_enough(
            settings.min_volume_ml,
            settings.keep_largest,
            min_share=settings.min_share,
            min_extent_mm=settings.min_extent_mm,
            slice_axis=plane_axes(self._volume.grid, self._pyramid.view).slice_axis_kji,
        )

    def _runs(self, value: float) -> Runs:
        """Find the runs at or above a value, looking only into rows nearby it if these are few."""
        rows = self._rows_near(value)
        if rows is None:
            reach(self._activation, value, self._mask)
            return Runs.of(self._mask)
        near = self._activation.reshape(-1, self._activation.shape[2])[rows]
        mask = np.empty(near.shape, dtype=bool)
        reach(near, value, mask)
        return Runs.of_rows(rows, mask, self._activation.shape)

    def _rows_near(self, value: float) -> NDArray[np.intp] | None:
        """Return the rows in stretches that reach a value; None where these are many."""
        k, j, i = self._activation.shape
        together = max(1, STRETCH // i)
        if self._stretches is None:
            self._stretches = stretch_maxima(self._activation.reshape(-1), together * i)
        reaching = np.empty(self._stretches.shape, dtype=bool)
        reach(self._stretches, value, reaching)
        if np.count_nonzero(reaching) > MANY_STRETCHES * len(reaching):
            return None
        rows = np.flatnonzero(reaching)[:, None] * together + np.arange(together)
        return rows[rows < k * j]
