"""LabelSettings: how a label map is made from what a model saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import LabelMap, SettingsError
from ..segment import NORMALISATIONS, REFINEMENTS, Threshold, UptakeBorder, check_rules
from .findings import Findings


@dataclass(frozen=True)
class LabelSettings:
    """Every setting between the maps of a model and a label map; :meth:`of` fills in the model's defaults.

    Args:
        threshold: fraction (``0.4``), fraction of 255 (``200/255``), percentile (``q95``) or ``otsu``.
        scales: scales that are fused, finest first; at least one.
        weights: a pair of scale and weight for every available scale; those of scales not fused are only remembered.
        normalisation: ``slice``, ``volume`` or ``reference``.
        probability_limit: images with a tumour probability below it contribute nothing, 0 to 1.
        min_volume_ml: smaller connected components are left out; at least 0.
        keep_largest: number of components kept, at least 1; None for all.
        refinement: ``none``, ``random-walk`` or ``geodesic``; ``none`` for projections.
        min_share: connected components below this share of the largest one's volume are left out; 0 to 1, and 0 for
            projections.
        min_extent_mm: connected components thinner than this across the slices are left out, unless they reach the
            first or the last slice; at least 0, and 0 for projections.
        uptake_border: ``adaptive``, a share of the highest uptake (``41%``), ``suv2.5`` or ``liver``; empty unless
            projections were looked at.

    Raises:
        SettingsError: a setting out of range.
    """

    threshold: str
    scales: tuple[int, ...]
    weights: tuple[tuple[int, float], ...]
    normalisation: str
    probability_limit: float
    min_volume_ml: float
    keep_largest: int | None = None
    refinement: str = "none"
    min_share: float = 0.0
    min_extent_mm: float = 0.0
    uptake_border: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "threshold", str(Threshold.parse(self.threshold)))
        object.__setattr__(self, "scales", tuple(sorted(set(self.scales))))
        object.__setattr__(self, "weights", tuple(sorted((int(scale), float(w)) for scale, w in self.weights)))
        self._check_scales()
        if self.normalisation not in NORMALISATIONS:
            raise SettingsError(f"normalisation must be one of {', '.join(NORMALISATIONS)}, got {self.normalisation!r}")
        if not 0 <= self.probability_limit <= 1:
            raise SettingsError(f"limit of the tumour probability must be 0 to 1, got {self.probability_limit}")
        check_rules(self.min_volume_ml, self.keep_largest, self.min_extent_mm, self.min_share)
        if self.refinement not in REFINEMENTS:
            raise SettingsError(f"refinement must be one of {', '.join(REFINEMENTS)}, got {self.refinement!r}")
        if self.uptake_border:
            object.__setattr__(self, "uptake_border", str(UptakeBorder.parse(self.uptake_border)))
            if self.min_extent_mm:
                raise SettingsError(f"minimum extent {self.min_extent_mm} mm is for slices; projections have none")
            if self.min_share:
                raise SettingsError(f"minimum share {self.min_share} is for slices; projections have none")
            if self.refinement != "none":
                raise SettingsError(f"refinement {self.refinement} is for slices; projections draw borders by uptake")

    def _check_scales(self) -> None:
        weights = dict(self.weights)
        if not self.scales or set(self.scales) - set(weights):
            raise SettingsError(f"scales {self.scales} asked for, the model has {tuple(weights)}; choose at least one")
        if not all(np.isfinite(weight) and weight >= 0 for weight in weights.values()):
            raise SettingsError(f"weights of scales must be finite and at least 0, got {weights}")
        if not any(weights[scale] > 0 for scale in self.scales):
            raise SettingsError(f"at least one of the scales {self.scales} needs a weight above 0, got {weights}")

    @classmethod
    def of(cls, found: Findings, **changes: Any) -> LabelSettings:
        """Return the defaults of the model that looked, with changes.

        Args:
            found: what it saw.
            changes: fields to set otherwise.

        Raises:
            SettingsError: a field that does not exist, or a value out of range.
        """
        if unknown := set(changes) - {entry.name for entry in fields(cls)}:
            raise SettingsError(f"no setting is called {', '.join(sorted(unknown))}")
        options = found.settings()
        every = found.settings(scales=found.scales)["weights"]
        defaults = {
            "threshold": found.card.threshold,
            "scales": options["scales"],
            "weights": tuple(every.items()),
            "normalisation": options["normalisation"],
            "probability_limit": options["probability_limit"],
            "min_volume_ml": found.card.min_volume_ml,
            "min_share": found.card.min_share,
            "min_extent_mm": found.card.min_extent_mm,
            "refinement": found.card.refinement,
            "uptake_border": options.get("uptake_border", ""),
        }
        return cls(**{**defaults, **changes})

    def changed(self, **changes: Any) -> LabelSettings:
        """Return these settings with some fields set otherwise.

        Raises:
            SettingsError: a value out of range.
        """
        return replace(self, **changes)

    def fusing(self) -> dict[str, Any]:
        """Return the settings of the fusion, as keywords of :meth:`Findings.activation`."""
        weights = dict(self.weights)
        return {
            "scales": self.scales,
            "weights": {scale: weights[scale] for scale in self.scales},
            "normalisation": self.normalisation,
            "probability_limit": self.probability_limit,
        }

    def activation(self, found: Findings) -> NDArray[np.float32]:
        """Fuse the maps of ``found``.

        Returns:
            Evidence for a tumour in 0..1, float32, read-only, shape ``volume.grid.shape_kji``.

        Raises:
            SettingsError: scales that ``found`` lacks.
        """
        return found.activation(**self.fusing())

    def label_map(self, found: Findings) -> LabelMap:
        """Make the label map of ``found`` on its volume's grid.

        Raises:
            SettingsError: scales that ``found`` lacks.
        """
        if self.uptake_border:
            special: dict[str, Any] = {"uptake_border": self.uptake_border}
        else:
            special = {name: getattr(self, name) for name in ("min_share", "min_extent_mm", "refinement")}
        return found.label_map(
            self.threshold,
            **self.fusing(),
            min_volume_ml=self.min_volume_ml,
            keep_largest=self.keep_largest,
            **special,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
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
            values = {name: value for name, value in values.items() if name != "uptake_fraction"}
            weights = tuple((int(scale), float(weight)) for scale, weight in values["weights"].items())
            return cls(**{**values, "scales": tuple(values["scales"]), "weights": weights})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SettingsError(f"these are no settings of a label map: {error}") from error
