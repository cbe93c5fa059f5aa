"""LabelSettings: how a label map is made from the maps of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from ..core import OptionError, SettingsError, check_choice, check_scales
from ..models import ModelCard
from ..option_names import MAP_NORMALISATIONS, REFINEMENTS
from ..segment import Threshold, UptakeBorder, check_limit, check_rules

OF_MODEL: Any = None  # in any field: the model's own value
ALL_SCALES: Any = "all"
_BEFORE = {"refinement": "none", "min_share": 0.0, "min_extent_mm": 0.0, "uptake_border": ""}  # older than these fields


@dataclass(frozen=True)
class LabelSettings:
    """Every setting between the maps of a model and a label map.

    A field that is left out (None) stands for the model's own value. The settings that
    :meth:`Findings.default_settings` and :meth:`completed` return have every field.

    Args:
        threshold: fraction (``0.4``), fraction of 255 (``200/255``), percentile (``q95``) or ``otsu``.
        scales: scales that are fused, finest first; at least one, or ``all``; those of ``weights`` if left out.
        weights: a weight for each scale, as a mapping or as pairs; complete settings have one for every available
            scale, and those of scales that are not fused are only remembered.
        normalisation: ``slice``, ``volume`` or ``reference``.
        probability_limit: images with a tumour probability below it contribute nothing, 0 to 1.
        min_volume_ml: smaller connected components are left out; at least 0.
        keep_largest: number of components kept, at least 1; None for all.
        refinement: ``none``, ``random-walk`` or ``geodesic``; ``none`` for projections.
        min_share: connected components below this share of the largest one's volume are left out; 0 to 1, and 0 for
            projections.
        min_extent_mm: connected components thinner than this across the slices are left out, unless they reach the
            first or the last slice; at least 0, and 0 for projections.
        uptake_border: ``adaptive``, a share of the highest uptake (``41%``), ``suv2.5`` or ``liver``; empty for models
            of slices.

    Raises:
        OptionError: a setting out of range.
        SettingsError: settings that do not fit each other.

    Example:
        >>> found.label_map(LabelSettings(threshold="q95", keep_largest=1))  # doctest: +SKIP
    """

    threshold: str = OF_MODEL
    scales: tuple[int, ...] = OF_MODEL
    weights: tuple[tuple[int, float], ...] = OF_MODEL
    normalisation: str = OF_MODEL
    probability_limit: float = OF_MODEL
    min_volume_ml: float = OF_MODEL
    keep_largest: int | None = None
    refinement: str = OF_MODEL
    min_share: float = OF_MODEL
    min_extent_mm: float = OF_MODEL
    uptake_border: str = OF_MODEL

    def __post_init__(self) -> None:
        for name, plain in _PLAIN.items():
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, plain(value))
        self._check_scales()
        for name, choices in _CHOICES.items():
            if (value := getattr(self, name)) is not None:
                check_choice(name, value, choices)
        check_limit(self.probability_limit or 0.0)
        check_rules(self.min_volume_ml or 0.0, self.keep_largest, self.min_extent_mm or 0.0, self.min_share or 0.0)
        if self.uptake_border:
            self._check_projections()

    def _check_scales(self) -> None:
        if self.scales == ():
            raise OptionError("scales", "must name at least one scale, got none")
        if self.weights is None:
            return
        weights = dict(self.weights)
        if not all(np.isfinite(weight) and weight >= 0 for weight in weights.values()):
            raise OptionError("weights", f"must be finite and at least 0, got {weights}")
        chosen = tuple(weights) if self.scales in (None, ALL_SCALES) else self.scales
        if not any(weights.get(scale, 1.0) > 0 for scale in chosen):
            raise SettingsError(f"at least one of the scales {chosen} needs a weight above 0, got {weights}")

    def _check_projections(self) -> None:
        for name in ("min_extent_mm", "min_share"):
            if value := getattr(self, name):
                raise OptionError(name, f"{value} is for slices; models of projections have none")
        if self.refinement not in (None, "none"):
            raise OptionError("refinement", f"{self.refinement} is for slices; projections draw borders by uptake")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> LabelSettings:
        """Make settings from options by name, as scripts give them; None stands for the model's own.

        Raises:
            SettingsError: a name that does not exist, or a value out of range.
        """
        names = [entry.name for entry in fields(cls)]
        if unknown := sorted(set(options) - set(names)):
            raise SettingsError(f"no setting is called {', '.join(unknown)}; there are {', '.join(names)}")
        return cls(**options)

    def changed(self, **changes: Any) -> LabelSettings:
        """Return these settings with some fields set otherwise.

        Raises:
            SettingsError: a value out of range.
        """
        return replace(self, **changes)

    def completed(self, defaults: LabelSettings) -> LabelSettings:
        """Return these settings with the model's own in every field that was left out.

        Args:
            defaults: complete settings of the model.

        Raises:
            SettingsError: scales that the model lacks, or settings that do not fit those of the model.
        """
        own = {entry.name: getattr(defaults, entry.name) for entry in fields(self)}
        given = {name: value for name in own if (value := getattr(self, name)) is not None}
        weights = dict(given.get("weights", ()))
        scales = given.get("scales", tuple(weights) or defaults.scales)
        every = dict(defaults.weights)
        if scales == ALL_SCALES:
            scales = tuple(every)
        check_scales((*scales, *weights), every)
        return LabelSettings(**{**own, **given, "scales": scales, "weights": {**every, **weights}})

    def fusing(self) -> dict[str, Any]:
        """Return the settings of the fusion, as keywords of :func:`CAMLocalizerLib.segment.fuse`.

        Raises:
            SettingsError: scales without a weight, which the model lacks.
        """
        weights = dict(self.weights)
        check_scales(self.scales, weights)
        return {
            "scales": self.scales,
            "weights": {scale: weights[scale] for scale in self.scales},
            "normalisation": self.normalisation,
            "probability_limit": self.probability_limit,
        }

    def to_json(self) -> dict[str, Any]:
        """Return complete settings as JSON values."""
        return {**asdict(self), "scales": list(self.scales), "weights": {str(s): w for s, w in self.weights}}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LabelSettings:
        """Read what :meth:`to_json` gave.

        Raises:
            SettingsError: fields that are missing, unknown or out of range.
        """
        try:
            if (share := values.get("uptake_fraction")) is not None:  # of version 0.1
                values = {**values, "uptake_border": f"{100 * share:g}%"}
            values = {**_BEFORE, **{name: value for name, value in values.items() if name != "uptake_fraction"}}
            if missing := [name for name in _ALWAYS if values.get(name) is None]:
                raise KeyError(*missing)
            return cls(**values)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SettingsError(f"not the settings of a label map: {error}") from error


def default_settings(card: ModelCard, available: tuple[int, ...], *, projections: bool) -> LabelSettings:
    """Return the complete settings that a model card asks for.

    Args:
        card: of the model.
        available: scales whose maps were kept; those of the card are fused, or all if none of them was kept.
        projections: whether the maps are those of projections.
    """
    weights = dict(zip(card.scales, card.scale_weights, strict=False))
    return LabelSettings(
        threshold=card.threshold,
        scales=tuple(scale for scale in card.scales if scale in available) or available,
        weights=tuple((scale, weights.get(scale, 1.0)) for scale in available),
        normalisation=card.map_normalisation,
        probability_limit=card.probability_limit,
        min_volume_ml=card.min_volume_ml,
        refinement=card.refinement,
        min_share=card.min_share,
        min_extent_mm=card.min_extent_mm,
        uptake_border=card.uptake_border if projections else "",
    )


def check_suits(settings: LabelSettings, card: ModelCard) -> None:
    """Refuse settings of slices for a model of projections, and the other way round.

    Raises:
        OptionError: such a setting.
    """
    if card.projections and settings.refinement not in (None, "none"):
        raise OptionError(
            "refinement", f"{settings.refinement} is for slices; model {card.name} draws borders by uptake"
        )
    if not card.projections and settings.uptake_border:
        raise OptionError("uptake_border", f"is for models of projections; {card.name} uses slices")


def _plain_scales(scales: Any) -> Any:
    return scales if scales == ALL_SCALES else tuple(sorted({int(scale) for scale in scales}))


def _plain_weights(weights: Any) -> tuple[tuple[int, float], ...]:
    pairs = weights.items() if isinstance(weights, Mapping) else weights
    return tuple(sorted((int(scale), float(weight)) for scale, weight in pairs))


_PLAIN = {
    "threshold": lambda text: str(Threshold.parse(text)),
    "scales": _plain_scales,
    "weights": _plain_weights,
    "uptake_border": lambda text: str(UptakeBorder.parse(text)) if text else "",
}
_CHOICES = {"normalisation": MAP_NORMALISATIONS, "refinement": REFINEMENTS}
_ALWAYS = ("threshold", "scales", "weights", "normalisation", "probability_limit", "min_volume_ml")
