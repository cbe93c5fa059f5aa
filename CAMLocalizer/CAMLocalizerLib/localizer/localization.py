"""Localization: what a model saw in a volume, from which label maps are made at no further cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import ActivationPyramid, LabelMap, Volume
from ..models import ModelCard
from ..segment import Component, Regions, Threshold, filter_components, fuse, label_map_from_activation, refine
from ..views import plane_axes
from .findings import fusing_settings
from .measured import measured_components
from .probability import TUMOUR_PROBABILITY, type_probabilities, volume_probability


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
    def scales(self) -> tuple[int, ...]:
        """Scales whose maps were kept, finest first."""
        return self.pyramid.scales

    @property
    def image_kind(self) -> str:
        """What one image is called: ``slice``."""
        return "slice"

    @property
    def image_labels(self) -> tuple[int, ...]:
        """Index along the stored slice axis of each slice, in the view's order."""
        axes = plane_axes(self.pyramid.source_grid, self.pyramid.view)
        return tuple(range(len(self.pyramid.probabilities)))[:: axes.signs[2]]

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Class probabilities of each slice, shape (slices, classes), in the view's order."""
        return self.pyramid.probabilities

    @property
    def tumour_probabilities(self) -> NDArray[np.float32]:
        """Summed probability of the tumour classes of each slice, shape (slices,), in the view's order."""
        return self.pyramid.tumour_probabilities

    @cached_property
    def volume_probability(self) -> float:
        """Probability of a tumour anywhere in the volume, 0 to 1; see :func:`volume_probability`."""
        return volume_probability(self.pyramid)

    @cached_property
    def class_probabilities(self) -> Mapping[str, float]:
        """Probability of each tumour class, given that there is a tumour; they sum to 1."""
        pyramid = self.pyramid
        return type_probabilities(pyramid.probabilities, pyramid.classes, pyramid.tumour_classes)

    @property
    def tumour_probable(self) -> bool:
        """Whether the probability of a tumour in the volume is at least 0.5."""
        return self.volume_probability >= TUMOUR_PROBABILITY

    def verdict(self, located: bool) -> str:
        """Say in how many slices a tumour is probable, how probable and of which type, given whether it was located."""
        slices = f"{int(self.tumour_slices.sum())} of {len(self.tumour_slices)} {self.view} slices"
        if not located:
            probable = "no tumour located, although one is probable" if self.tumour_probable else "no tumour found"
            return f"{probable} (probability {self.volume_probability:.2f}, {slices} probable)"
        name, probability = max(self.class_probabilities.items(), key=lambda entry: entry[1])
        kind = f", most probably {name} ({probability:.2f})" if len(self.class_probabilities) > 1 else ""
        return f"tumour in {slices} (probability {self.volume_probability:.2f}){kind}"

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
        return fusing_settings(
            self.card,
            self.pyramid.scales,
            scales=scales,
            weights=weights,
            normalisation=normalisation,
            probability_limit=probability_limit,
        )

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
        refinement: str | None = None,
        min_share: float | None = None,
        min_extent_mm: float | None = None,
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
            refinement: how the border is drawn to the image's edges: ``none``, ``random-walk`` or ``geodesic``, see
                :func:`refine`. Components are chosen before it and once more after it.
            min_share: connected components below this share of the largest one's volume are left out; 0 to 1.
            min_extent_mm: connected components thinner than this across the slices are left out, unless they reach the
                first or the last slice; at least 0.

        Raises:
            SettingsError: a setting out of range, or scales that the pyramid lacks.
        """
        activation = self.activation(scales, weights, normalisation=normalisation, probability_limit=probability_limit)
        least = self.card.min_volume_ml if min_volume_ml is None else min_volume_ml
        rules: dict[str, Any] = {
            "min_share": self.card.min_share if min_share is None else min_share,
            "min_extent_mm": self.card.min_extent_mm if min_extent_mm is None else min_extent_mm,
            "slice_axis": plane_axes(self.pyramid.source_grid, self.pyramid.view).slice_axis_kji,
        }
        rough = label_map_from_activation(
            activation,
            self.volume.grid,
            self.card.threshold if threshold is None else threshold,
            min_volume_ml=least,
            keep_largest=keep_largest,
            **rules,
        )
        drawn = refine(activation, rough, self.volume, self.card.refinement if refinement is None else refinement)
        if drawn is rough:
            return rough
        kept = filter_components(drawn, None, least, keep_largest, **rules)
        return LabelMap(kept.view(np.uint8), drawn.grid, drawn.segments)

    def components(
        self, label_map: LabelMap | None = None, activation: NDArray[np.float32] | None = None
    ) -> tuple[Component, ...]:
        """List the connected components, largest first.

        Args:
            label_map: whose components; that of the default settings if not given.
            activation: for the components' peaks; that of the default settings if not given.

        Returns:
            Volume in mm3, centre (LPS, mm) and peak activation of each; PET measures if the volume is a PET in SUV.
        """
        chosen = self.label_map() if label_map is None else label_map
        seen = self.activation() if activation is None else activation
        return measured_components(Regions.of(chosen.array_kji, chosen.grid, seen), self.volume)
