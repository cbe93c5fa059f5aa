"""Localization: what a model saw in a volume, from which label maps are made at no further cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import ActivationPyramid, LabelMap, Volume
from ..models import ModelCard
from ..segment import Component, ComponentSet, filter_components, fuse, label_map_from_activation, refine
from ..views import plane_axes
from .findings import complete_settings
from .label_settings import LabelSettings, default_settings
from .measured import measured_components
from .probability import TUMOUR_PROBABILITY, type_probabilities, volume_probability


@dataclass(frozen=True, eq=False)
class Localization:
    """Activation pyramid of a volume with the model's defaults for scales, threshold and components.

    Args:
        volume: what the model saw.
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

    def summary(self, located: bool) -> str:
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

    def default_settings(self) -> LabelSettings:
        """Return the model's own settings, complete."""
        return default_settings(self.card, self.scales, projections=False)

    def activation(self, settings: LabelSettings | None = None, **changes: Any) -> NDArray[np.float32]:
        """Fuse the pyramid into one activation of the volume.

        The last one is remembered, so that asking again with the same settings costs nothing.

        Args:
            settings: what to do otherwise than the model does.
            changes: fields of :class:`LabelSettings` to set otherwise than ``settings``, by name.

        Returns:
            Evidence for a tumour in 0..1, float32, read-only, shape ``volume.grid.shape_kji``.

        Raises:
            SettingsError: a setting out of range, or scales that the pyramid lacks.
        """
        options = complete_settings(self, settings, changes).fusing()
        key = (*options["weights"].items(), options["normalisation"], options["probability_limit"])
        if key not in self._last:
            self._last.clear()
            fused = fuse(self.pyramid, reference=self.card.map_levels, **options)
            fused.setflags(write=False)
            self._last[key] = fused
        return self._last[key]

    def label_map(self, settings: LabelSettings | None = None, **changes: Any) -> LabelMap:
        """Make a label map on the volume's grid.

        Components are chosen before a refinement and once more after it.

        Args:
            settings: what to do otherwise than the model does.
            changes: fields of :class:`LabelSettings` to set otherwise than ``settings``, by name.

        Raises:
            SettingsError: a setting out of range, or scales that the pyramid lacks.
        """
        chosen = complete_settings(self, settings, changes)
        activation = self.activation(chosen)
        rules: dict[str, Any] = {
            "min_volume_ml": chosen.min_volume_ml,
            "keep_largest": chosen.keep_largest,
            "min_share": chosen.min_share,
            "min_extent_mm": chosen.min_extent_mm,
            "slice_axis": plane_axes(self.pyramid.source_grid, self.pyramid.view).slice_axis_kji,
        }
        rough = label_map_from_activation(activation, self.volume.grid, chosen.threshold, **rules)
        drawn = refine(activation, rough, self.volume, chosen.refinement)
        if drawn is rough:
            return rough
        kept = filter_components(drawn, **rules)
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
        return measured_components(ComponentSet.of(chosen.array_kji, chosen.grid, seen), self.volume)
