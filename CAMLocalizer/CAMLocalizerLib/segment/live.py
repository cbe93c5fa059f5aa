"""LiveSlices: one pyramid whose activation and label map follow the hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from ..core import ActivationPyramid
from ..core.arrays import read_only
from ..views import plane_axes
from .component_set import Regions
from .fuse import Fusion, back_project_scales
from .levels import ActivationLevels
from .sums import slice_maxima, stretch_maxima
from .threshold import Threshold, reach
from .voxel_runs import Runs

# Highest values are kept of stretches of whole rows, of about this many voxels.
STRETCH = 2048
# Share of all stretches from which on it is quicker to look at every voxel.
MANY_STRETCHES = 0.5


class LiveSlices:
    """A pyramid under quickly changing settings: the numbers of :func:`fuse` and :func:`label_map_from_activation`.

    All scales are brought to the volume's grid once and kept there, so that a change costs one pass over them.

    Args:
        pyramid: raw maps of a volume.
        reference: level above 0 of each scale, for the normalisation of that name.

    Example:
        >>> live = LiveSlices(pyramid)  # doctest: +SKIP
        >>> live.fuse(scales=[1, 2], normalisation="volume")  # doctest: +SKIP
        >>> live.regions("0.5", min_volume_ml=1.0).components  # doctest: +SKIP
    """

    def __init__(self, pyramid: ActivationPyramid, *, reference: Mapping[int, float] | None = None) -> None:
        self._pyramid = pyramid
        self._reference = reference
        self._maps = back_project_scales(pyramid)
        self._activation = np.zeros(pyramid.source_grid.shape_kji, dtype=np.float32)
        self._mask = np.empty(pyramid.source_grid.shape_kji, dtype=bool)
        self._maxima: dict[int, NDArray[np.float32]] = {}
        self._new_activation()

    def _new_activation(self) -> None:
        self._levels = ActivationLevels(self._activation)
        self._stretches: NDArray[np.float32] | None = None

    @property
    def activation(self) -> NDArray[np.float32]:
        """What :meth:`fuse` gave last, read-only; zero before the first time."""
        return read_only(self._activation, np.float32)

    @property
    def slice_axis(self) -> int:
        """Axis of the activation (k, j, i) that counts the slices."""
        return plane_axes(self._pyramid.source_grid, self._pyramid.view).slice_axis_kji

    @property
    def levels(self) -> ActivationLevels:
        """Percentiles, histogram and cumulative counts of :attr:`activation`, computed when first asked for."""
        return self._levels

    def fuse(
        self,
        *,
        scales: Iterable[int] | None = None,
        weights: Mapping[int, float] | None = None,
        normalisation: str = "slice",
        probability_limit: float = 0.0,
    ) -> NDArray[np.float32]:
        """Fuse the scales; arguments as for :func:`fuse`.

        Returns:
            Activation in 0..1, float32, read-only; a buffer that the next call fills anew.

        Raises:
            SettingsError: as for :func:`fuse`; the activation stays as it was.
        """
        fusion = Fusion.of(self._pyramid, scales, weights, normalisation, probability_limit, self._reference)
        for scale in set(fusion.shares) - set(self._maxima):
            self._maxima[scale] = slice_maxima(self._maps[scale], fusion.slice_axis)
        fusion.write(self._activation, self._maps, self._maxima)
        self._new_activation()
        return self.activation

    def threshold_value(self, threshold: Threshold | str | float) -> float:
        """Return the lowest activation that belongs to the tumour.

        Raises:
            SettingsError: a threshold that is malformed or out of range.
        """
        return Threshold.parse(threshold).value(self._levels)

    def regions(
        self,
        threshold: Threshold | str | float,
        *,
        min_volume_ml: float = 0.0,
        keep_largest: int | None = None,
        min_share: float = 0.0,
        min_extent_mm: float = 0.0,
    ) -> Regions:
        """Return the regions of the label map; arguments as for :func:`label_map_from_activation`.

        Returns:
            Regions; they stay true when the activation changes, but for their peaks: ask for these before.

        Raises:
            SettingsError: a setting out of range.
        """
        runs = self._runs(self.threshold_value(threshold))
        regions = Regions.of_runs(runs, self._pyramid.source_grid, self.activation)
        return regions.large_enough(
            min_volume_ml,
            keep_largest,
            min_share=min_share,
            min_extent_mm=min_extent_mm,
            slice_axis=self.slice_axis,
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
