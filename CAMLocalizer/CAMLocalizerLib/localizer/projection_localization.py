"""ProjectionLocalization: what a model saw in two projections, brought back to the volume at no further cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import LabelMap, Volume
from ..models import ModelCard
from ..segment import (
    Component,
    ComponentSet,
    LiverUptake,
    UptakeBorder,
    background_uptake,
    find_liver,
    fuse_projections,
    label_map_from_uptake,
    multiply_projections,
)
from ..views import PROJECTIONS, ProjectionPair
from .findings import complete_settings
from .label_settings import LabelSettings, default_settings
from .measured import measured_components
from .probability import TUMOUR_PROBABILITY, type_probabilities


@dataclass(frozen=True, eq=False)
class ProjectionLocalization:
    """Maps of a volume's coronal and sagittal projection with the model's defaults.

    Args:
        pair: geometry of the projections; knows the volume.
        maps: scale to raw maps, float32, shape (2, h, w); kept, so other settings cost no inference.
        strides: scale to pixels per cell.
        probabilities: class probabilities of each projection, shape (2, classes).
        card: description of the model.
        device: where the network ran at the end.
        timings_s: seconds per step.
        notes: what was done otherwise than asked, in sentences.
        offsets: scale to pixel index of the first cell's centre; scales without one have cells in the middle.
    """

    pair: ProjectionPair
    maps: Mapping[int, NDArray[np.float32]]
    strides: Mapping[int, int]
    probabilities: NDArray[np.float32]
    card: ModelCard
    device: str = "cpu"
    timings_s: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    offsets: Mapping[int, float] = field(default_factory=dict)
    _last: dict[tuple, NDArray[np.float32]] = field(default_factory=dict, init=False, repr=False)

    @property
    def volume(self) -> Volume:
        """The volume that the model saw."""
        return self.pair.volume

    @property
    def view(self) -> str:
        """The view: ``projections``."""
        return "projections"

    @property
    def scales(self) -> tuple[int, ...]:
        """Scales whose maps were kept, finest first."""
        return tuple(sorted(self.maps))

    @property
    def image_kind(self) -> str:
        """What one image is called: ``projection``."""
        return "projection"

    @property
    def image_labels(self) -> tuple[str, ...]:
        """Planes that were projected onto."""
        return PROJECTIONS

    @property
    def tumour_probabilities(self) -> NDArray[np.float32]:
        """Summed probability of the tumour classes of each projection, shape (2,), 0 to 1."""
        columns = [self.card.classes.index(name) for name in self.card.tumour_classes]
        return self.probabilities[:, columns].sum(axis=1)

    @property
    def tumour_slices(self) -> NDArray[np.bool_]:
        """Projections with a tumour probability of at least 0.5, shape (2,)."""
        return self.tumour_probabilities >= TUMOUR_PROBABILITY

    @property
    def tumour_probability(self) -> float:
        """Tumour probability of the case: the mean of its projections."""
        return float(self.tumour_probabilities.mean())

    @property
    def volume_probability(self) -> float:
        """Probability of a tumour anywhere in the volume: :attr:`tumour_probability`."""
        return self.tumour_probability

    @property
    def class_probabilities(self) -> Mapping[str, float]:
        """Probability of each tumour class, given that there is a tumour; they sum to 1."""
        mean = self.probabilities.mean(axis=0, keepdims=True)
        return type_probabilities(mean, self.card.classes, self.card.tumour_classes)

    @property
    def tumour_probable(self) -> bool:
        """Whether the tumour probability of the case is at least 0.5."""
        return self.tumour_probability >= TUMOUR_PROBABILITY

    @property
    def tumour_type(self) -> tuple[str, float]:
        """The most probable tumour class of the case and its mean probability; both maps explain it."""
        mean = self.probabilities.mean(axis=0)
        name = max(self.card.tumour_classes, key=lambda entry: mean[self.card.classes.index(entry)])
        return name, float(mean[self.card.classes.index(name)])

    def summary(self, located: bool) -> str:
        """Say which tumour is most probable, given whether it was located."""
        name, probability = self.tumour_type
        if located:
            return f"tumour, most probably {name} ({probability:.2f})"
        if self.tumour_probable:
            return f"no tumour found (most probably {name} ({probability:.2f}), but the projections share no uptake)"
        return f"no tumour found (probability {self.tumour_probability:.2f})"

    def default_settings(self) -> LabelSettings:
        """Return the model's own settings, complete."""
        return default_settings(self.card, self.scales, projections=True)

    def projected_maps(self, settings: LabelSettings | None = None, **changes: Any) -> dict[str, NDArray[np.float32]]:
        """Return the map of each plane on the volume's grid; arguments as for :meth:`activation`.

        Returns:
            Plane to a float32 array in 0..1 that broadcasts against ``volume.array_kji``.

        Raises:
            SettingsError: a setting out of range, or scales that were not kept.
        """
        options = complete_settings(self, settings, changes).fusing()
        return fuse_projections(
            self.pair,
            self.maps,
            self.strides,
            weights=options["weights"],
            normalisation=options["normalisation"],
            reference=self.card.map_levels,
            offsets=self.offsets,
        )

    def activation(self, settings: LabelSettings | None = None, **changes: Any) -> NDArray[np.float32]:
        """Multiply the maps of both projections in the volume.

        The last one is remembered, so that asking again with the same settings costs nothing.

        Args:
            settings: what to do otherwise than the model does; ``normalisation`` is ``slice`` (each projection by
                itself), ``volume`` (both together) or ``reference``, and a case whose tumour probability is below
                ``probability_limit`` has no activation.
            changes: fields of :class:`LabelSettings` to set otherwise than ``settings``, by name.

        Returns:
            Evidence for a tumour in 0..1, float32, read-only, shape ``volume.grid.shape_kji``.

        Raises:
            SettingsError: a setting out of range, or scales that were not kept.
        """
        chosen = complete_settings(self, settings, changes)
        options = chosen.fusing()
        key = (*options["weights"].items(), options["normalisation"], options["probability_limit"])
        if key not in self._last:
            self._last.clear()
            probable = self.tumour_probability >= chosen.probability_limit
            empty = np.zeros(self.volume.grid.shape_kji, np.float32)
            product = multiply_projections(self.projected_maps(chosen)) if probable else empty
            product.setflags(write=False)
            self._last[key] = product
        return self._last[key]

    def label_map(self, settings: LabelSettings | None = None, **changes: Any) -> LabelMap:
        """Make a label map of the uptake that the activation points at; arguments as for :meth:`activation`.

        Raises:
            SettingsError: a setting out of range, or scales that were not kept.
        """
        chosen = complete_settings(self, settings, changes)
        return label_map_from_uptake(
            self.activation(chosen),
            self.volume.array_kji,
            self.volume.grid,
            chosen.threshold,
            border=chosen.uptake_border,
            reference_suv=self.reference_suv(chosen.uptake_border),
            min_volume_ml=chosen.min_volume_ml,
            keep_largest=chosen.keep_largest,
        )

    @cached_property
    def liver(self) -> LiverUptake | None:
        """Uptake of the liver; None where none was found."""
        return find_liver(self._in_suv)

    @property
    def _in_suv(self) -> Volume:
        return self.volume

    @cached_property
    def background_suv(self) -> float:
        """Usual uptake of the body, SUV."""
        return background_uptake(self._in_suv.array_kji)

    def reference_suv(self, border: str) -> float | None:
        """Return the uptake that a border compares with: the liver's limit or the background; None if there is none."""
        method = UptakeBorder.parse(border).method
        if method == "adaptive":
            return self.background_suv
        return self.liver.limit if method == "liver" and self.liver is not None else None

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
