"""CandidateLocalization: the candidates of uptake in a PET and the probability of each to be a tumour."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import LabelMap, SettingsError, Volume
from ..segment import (
    ActivationLevels,
    Basins,
    ComponentSet,
    Threshold,
    filter_components,
)
from ..views import PROJECTIONS
from .findings import complete_settings
from .label_settings import LabelSettings
from .projection_localization import ProjectionLocalization

SHOWN_BORDER = "adaptive"
LEAST_PROBABILITY = 0.05
LEAST_LISTED_ML = 0.3


@dataclass(frozen=True, eq=False)
class CandidateLocalization(ProjectionLocalization):
    """What a model of candidates saw: it judged each place of uptake by its coronal and its sagittal projection.

    The activation of a voxel is the probability of the candidate whose basin it lies in, where uptake is high enough to
    show it. A label map holds the candidates whose probability reaches the threshold, outlined by their uptake.

    Args:
        basins: number of the candidate, from 1, on voxels of 4 mm; int32, 0 for none.
        scores: probability of each candidate to be a tumour, float32, shape (candidates,).
        factor: what the volume's values are multiplied by to be SUV, or as high as SUV would be.
    """

    basins: NDArray[np.int32] = field(default_factory=lambda: np.zeros((1, 1, 1), np.int32))
    scores: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    factor: float = 1.0

    @property
    def tumour_probability(self) -> float:
        """Probability of the candidate that is most probably a tumour; 0 without candidates."""
        return float(self.scores.max(initial=0.0))

    @property
    def tumour_probable(self) -> bool:
        """Whether there is a candidate that may be a tumour; which ones are shown is up to the threshold."""
        return self.tumour_probability >= LEAST_PROBABILITY

    def summary(self, located: bool) -> str:
        """Say whether there is suspicious uptake, given whether some of it was outlined."""
        highest = f"highest probability {self.tumour_probability:.2f}"
        return f"suspicious uptake ({highest})" if located else f"no suspicious uptake ({highest})"

    @cached_property
    def _in_suv(self) -> Volume:
        if self.factor == 1:
            return self.volume
        return replace(self.volume, array_kji=self.volume.array_kji * np.float32(self.factor))

    def projected_maps(self, settings: LabelSettings | None = None, **changes: Any) -> dict[str, NDArray[np.float32]]:
        """Return the highest activation along each line of projection; arguments as for :meth:`activation`.

        Returns:
            Plane to a float32 array in 0..1 that broadcasts against ``volume.array_kji``.

        Raises:
            SettingsError: a setting out of range, or scales that were not kept.
        """
        shown = self.activation(settings, **changes)
        return {plane: shown.max(axis=2 - self.pair.axes(plane).axes[2], keepdims=True) for plane in PROJECTIONS}

    def activation(self, settings: LabelSettings | None = None, **changes: Any) -> NDArray[np.float32]:
        """Give every voxel of uptake the probability of its candidate.

        Args:
            settings: what to do otherwise than the model does.
            changes: fields of :class:`LabelSettings` to set otherwise than ``settings``, by name.

        Returns:
            0..1, float32, read-only, shape ``volume.grid.shape_kji``.

        Raises:
            SettingsError: a setting out of range, or scales that were not kept.
        """
        chosen = complete_settings(self, settings, changes)
        probable = self.tumour_probability >= chosen.probability_limit
        return self._shown if probable else np.zeros(self.volume.grid.shape_kji, np.float32)

    def label_map(self, settings: LabelSettings | None = None, **changes: Any) -> LabelMap:
        """Outline the candidates whose probability reaches the threshold.

        Args:
            settings: what to do otherwise than the model does. ``threshold`` is one of the probability: fraction or
                fraction/255; percentile (``q95``) or ``otsu`` of the activation. A volume whose highest probability
                is below ``probability_limit`` has no label map.
            changes: fields of :class:`LabelSettings` to set otherwise than ``settings``, by name.

        Raises:
            SettingsError: a setting out of range, scales that were not kept, or no liver for the border ``liver``.
        """
        chosen = complete_settings(self, settings, changes)
        limit = max(self._value(chosen.threshold), chosen.probability_limit)
        mask = self._outlined(self.scores >= limit, chosen.uptake_border)
        kept = filter_components(mask, self.volume.grid, chosen.min_volume_ml, chosen.keep_largest)
        return LabelMap(kept.view(np.uint8), self.volume.grid, ("Tumour",))

    def left_out(self, settings: LabelSettings) -> ComponentSet:
        """Return the candidates that the threshold leaves out but that a reader may want to see.

        Args:
            settings: threshold and border.

        Returns:
            Their connected components, most probable first; probabilities below 0.05 and volumes below 0.3 ml are left
            out.

        Raises:
            SettingsError: no liver for the border ``liver``.
        """
        chosen = complete_settings(self, settings)
        limit = max(self._value(chosen.threshold), chosen.probability_limit)
        below = (self.scores < limit) & (self.scores >= LEAST_PROBABILITY)
        mask = self._outlined(below, chosen.uptake_border)
        return ComponentSet.of(mask, self.volume.grid, self._shown).large_enough(LEAST_LISTED_ML).by_peak()

    def _value(self, threshold: str) -> float:
        rule = Threshold.parse(threshold)
        return max(rule.level if rule.method == "fixed" else rule.value(self._levels), LEAST_PROBABILITY / 100)

    def _outlined(self, chosen: NDArray[np.bool_], border: str) -> NDArray[np.bool_]:
        return self._places.mask(np.flatnonzero(chosen).tolist(), border, self.reference_suv(border))

    @cached_property
    def _places(self) -> Basins:
        if len(self.scores) != self.basins.max(initial=0):
            raise SettingsError(f"{len(self.scores)} probabilities for {self.basins.max(initial=0)} candidates")
        return Basins(self.volume, self.basins, len(self.scores), self.factor)

    @cached_property
    def _shown(self) -> NDArray[np.float32]:
        shown = self._places.spread(self.scores, SHOWN_BORDER, self.reference_suv(SHOWN_BORDER))
        shown.setflags(write=False)
        return shown

    @cached_property
    def _levels(self) -> ActivationLevels:
        return ActivationLevels(self._shown)
