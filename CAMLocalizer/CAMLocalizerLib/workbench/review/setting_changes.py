"""Changes of single settings: threshold, scales, size of components, border."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from ...core import SettingsError
from ...localizer import Findings, LabelSettings
from ...segment import Threshold


class SettingChanges(ABC):
    """One method per setting. Each tells whether the change was made.

    It is not made where the reviewer, asked, keeps what was drawn by hand. With ``preview`` a control is still moving.
    """

    found: Findings

    @property
    @abstractmethod
    def settings(self) -> LabelSettings:
        """How the label map is made."""

    @abstractmethod
    def _set(self, settings: LabelSettings, text: str, preview: bool) -> bool:
        """Take over settings and call the change ``text``."""

    def set_threshold(self, threshold: str | float, *, preview: bool = False) -> bool:
        """Set the threshold: fraction, fraction/255, percentile (``q95``) or ``otsu``.

        Raises:
            SettingsError: a threshold that is malformed or out of range; nothing is changed then.
        """
        text = str(Threshold.parse(threshold))
        return self._change_setting(f"threshold {text}", preview, threshold=text)

    def set_scales(self, scales: Iterable[int], *, preview: bool = False) -> bool:
        """Set which scales are fused; those left out keep their weights.

        Raises:
            SettingsError: none, one that the model lacks, or only scales of weight 0.
        """
        chosen = tuple(sorted({self._known_scale(scale) for scale in scales}))
        if not chosen:
            raise SettingsError("no scale is selected; keep at least one")
        return self._change_setting(f"scales {', '.join(map(str, chosen))}", preview, scales=chosen)

    def set_weight(self, scale: int, weight: float, *, preview: bool = False) -> bool:
        """Set the weight of a scale, selected or not.

        Raises:
            SettingsError: a scale that the model lacks, a negative weight, or no weight above 0 left.
        """
        weights = {**dict(self.settings.weights), self._known_scale(scale): float(weight)}
        return self._change_setting(f"weight {weight:g} of scale {scale}", preview, weights=tuple(weights.items()))

    def set_min_volume_ml(self, volume_ml: float, *, preview: bool = False) -> bool:
        """Leave out components below a volume in millilitres.

        Raises:
            SettingsError: a negative volume.
        """
        return self._change_setting(f"minimum volume {volume_ml:g} ml", preview, min_volume_ml=float(volume_ml))

    def set_probability_limit(self, limit: float, *, preview: bool = False) -> bool:
        """Let images with a lower tumour probability contribute nothing.

        Raises:
            SettingsError: a limit outside 0 to 1.
        """
        return self._change_setting(
            f"limit {limit:g} of the tumour probability", preview, probability_limit=float(limit)
        )

    def set_normalisation(self, normalisation: str, *, preview: bool = False) -> bool:
        """Divide the maps by the maximum of each ``slice``, of the ``volume``, or by ``reference`` levels.

        Raises:
            SettingsError: another word, or a model without reference levels.
        """
        return self._change_setting(f"normalisation by {normalisation}", preview, normalisation=normalisation)

    def set_keep_largest(self, count: int | None, *, preview: bool = False) -> bool:
        """Keep this many of the largest components; None for all.

        Raises:
            SettingsError: a number below 1.
        """
        text = "all components" if count is None else f"the {count} largest components"
        return self._change_setting(text, preview, keep_largest=count)

    def set_uptake_border(self, border: str, *, preview: bool = False) -> bool:
        """Set from which uptake on a voxel belongs to a lesion: ``adaptive``, ``41%``, ``suv2.5`` or ``liver``.

        Raises:
            SettingsError: another text, no liver to be found, or a model of slices.
        """
        if not self.settings.uptake_border:
            raise SettingsError(f"uptake border is for models of projections; {self.found.card.name} takes slices")
        return self._change_setting(f"uptake border {border}", preview, uptake_border=border)

    def set_refinement(self, method: str, *, preview: bool = False) -> bool:
        """Draw the border to the image's edges: ``none``, ``random-walk`` or ``geodesic``.

        Raises:
            SettingsError: another method, or one other than ``none`` for projections.
        """
        return self._change_setting(f"refinement {method}", preview, refinement=method)

    def set_settings(self, settings: LabelSettings, *, preview: bool = False) -> bool:
        """Set everything at once.

        Raises:
            SettingsError: scales that the model lacks.
        """
        if [scale for scale, _ in settings.weights] != list(self.found.scales):
            raise SettingsError(f"settings name the scales {dict(settings.weights)}, the model has {self.found.scales}")
        return self._set(settings, "settings", preview)

    def _change_setting(self, text: str, preview: bool, **changes: Any) -> bool:
        return self._set(self.settings.changed(**changes), text, preview)

    def _known_scale(self, scale: int) -> int:
        if scale not in self.found.scales:
            raise SettingsError(f"unknown scale {scale}; the model provides {self.found.scales}")
        return int(scale)
