"""Localization: what a model saw in a volume, from which label maps are made at no further cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import ActivationPyramid, LabelMap, Volume
from ..models import ModelCard
from ..segment import Component, Threshold, components, fuse, label_map_from_activation

# A slice is said to show a tumour from this summed probability on.
TUMOUR_PROBABILITY = 0.5


@dataclass(frozen=True, eq=False)
class Localization:
    """Activation pyramid of a volume with the model's defaults for scales, threshold and components.

    Args:
        volume: what was looked at.
        pyramid: raw maps and probabilities of every slice; kept, so other settings cost no inference.
        card: description of the model.
        view: plane of the slices.
        device: where the network ran at the end.
        timings_s: seconds per step.
        notes: what was done otherwise than asked, in sentences.
    """

    volume: Volume
    pyramid: ActivationPyramid
    card: ModelCard
    view: str
    device: str = "cpu"
    timings_s: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    _last: dict[tuple, NDArray[np.float32]] = field(default_factory=dict, init=False, repr=False)

    @property
    def tumour_slices(self) -> NDArray[np.bool_]:
        """Slices with a tumour probability of at least 0.5, shape (slices,), in the view's order."""
        return self.pyramid.tumour_probabilities >= TUMOUR_PROBABILITY

    def settings(
        self,
        *,
        scales: Iterable[int] | None = None,
        weights: Mapping[int, float] | None = None,
        normalisation: str | None = None,
        probability_limit: float | None = None,
    ) -> dict[str, Any]:
        """Return how the scales are fused: what is given, the model's defaults for the rest.

        Args:
            scales: scales to fuse; those of ``weights``, or the model's own as far as the pyramid has them.
            weights: weight of each scale; a scale without one has the model's weight for it, or 1.
            normalisation: ``slice``, ``volume`` or ``reference``.
            probability_limit: slices with a tumour probability below it contribute nothing, 0 to 1.

        Returns:
            ``scales``, ``weights``, ``normalisation`` and ``probability_limit``.

        Raises:
            SettingsError: scales that the pyramid lacks.
        """
        chosen = tuple(scales if scales is not None else weights or self._default_scales())
        self.pyramid.select(chosen)
        own = dict(zip(self.card.scales, self.card.scale_weights, strict=False))
        return {
            "scales": tuple(sorted(set(chosen))),
            "weights": {scale: float((weights or own).get(scale, 1.0)) for scale in sorted(set(chosen))},
            "normalisation": normalisation or self.card.map_normalisation,
            "probability_limit": self.card.probability_limit if probability_limit is None else probability_limit,
        }

    def _default_scales(self) -> tuple[int, ...]:
        return tuple(scale for scale in self.card.scales if scale in self.pyramid.scales) or self.pyramid.scales

    def activation(
        self,
        scales: Iterable[int] | None = None,
        weights: Mapping[int, float] | None = None,
        *,
        normalisation: str | None = None,
        probability_limit: float | None = None,
    ) -> NDArray[np.float32]:
        """Fuse the pyramid into one activation of the volume; arguments as for :meth:`settings`.

        The last one is remembered, so that asking again with the same settings costs nothing.

        Returns:
            Evidence for a tumour in 0..1, float32, read-only, shape ``volume.grid.shape_kji``.

        Raises:
            SettingsError: a setting out of range, or scales that the pyramid lacks.
        """
        options = self.settings(
            scales=scales, weights=weights, normalisation=normalisation, probability_limit=probability_limit
        )
        key = (*options["weights"].items(), options["normalisation"], options["probability_limit"])
        if key not in self._last:
            self._last.clear()
            fused = fuse(self.pyramid, reference=self.card.map_levels, **options)
            fused.setflags(write=False)
            self._last[key] = fused
        return self._last[key]

    def label_map(
        self,
        threshold: str | float | Threshold | None = None,
        scales: Iterable[int] | None = None,
        weights: Mapping[int, float] | None = None,
        *,
        min_volume_ml: float | None = None,
        keep_largest: int | None = None,
        normalisation: str | None = None,
        probability_limit: float | None = None,
    ) -> LabelMap:
        """Make a label map on the volume's grid; the model's defaults serve for what is not given.

        Args:
            threshold: fraction, fraction/255, percentile (``q95``) or ``otsu``.
            scales: as for :meth:`settings`.
            weights: as for :meth:`settings`.
            min_volume_ml: smaller connected components are left out; at least 0.
            keep_largest: number of components kept, at least 1; all if not given.
            normalisation: as for :meth:`settings`.
            probability_limit: as for :meth:`settings`.

        Raises:
            SettingsError: a setting out of range, or scales that the pyramid lacks.
        """
        activation = self.activation(scales, weights, normalisation=normalisation, probability_limit=probability_limit)
        return label_map_from_activation(
            activation,
            self.volume.grid,
            self.card.threshold if threshold is None else threshold,
            min_volume_ml=self.card.min_volume_ml if min_volume_ml is None else min_volume_ml,
            keep_largest=keep_largest,
        )

    def components(
        self, label_map: LabelMap | None = None, activation: NDArray[np.float32] | None = None
    ) -> tuple[Component, ...]:
        """List the connected components, largest first.

        Args:
            label_map: whose components; that of the default settings if not given.
            activation: for the components' peaks; that of the default settings if not given.

        Returns:
            Volume in mm3, centre (LPS, mm) and peak activation of each.
        """
        chosen = self.label_map() if label_map is None else label_map
        return components(chosen, None, self.activation() if activation is None else activation)
