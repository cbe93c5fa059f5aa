"""Settings of a label map given by name, as scripts give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ..core import SettingsError
from ..localizer import Findings, LabelSettings

NAMES = tuple(entry.name for entry in fields(LabelSettings))
ANYTHING = {
    "threshold": "0.5",
    "scales": (1,),
    "weights": {},
    "normalisation": "slice",
    "probability_limit": 0.0,
    "min_volume_ml": 0.0,
}


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse, before a model looks, what no model could answer.

    Args:
        options: as for :func:`settings_of`.

    Raises:
        SettingsError: an unknown name, or a value out of range.
    """
    if unknown := sorted(set(options) - set(NAMES)):
        raise SettingsError(f"no setting is called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    values = {**ANYTHING, **_given(options)}
    weights = {**dict.fromkeys((*values["scales"], *values["weights"]), 1.0), **values["weights"]}
    LabelSettings(**{**values, "weights": tuple(weights.items())})


def settings_of(found: Findings, options: Mapping[str, Any]) -> LabelSettings:
    """Return the model's defaults with what was given otherwise.

    Args:
        found: what the model saw.
        options: fields of :class:`LabelSettings` by name; None stands for the default. ``weights`` is a mapping of
            scale to weight, which also chooses the scales where ``scales`` is not given.

    Raises:
        SettingsError: an unknown name, a value out of range, or scales that the model lacks.
    """
    changes = _given(options)
    weights = changes.pop("weights", None)
    if weights is not None:
        changes.setdefault("scales", tuple(weights))
        usual = dict(LabelSettings.of(found).weights)
        changes["weights"] = tuple({**usual, **weights}.items())
        if lacking := sorted(set(weights) - set(usual)):
            raise SettingsError(f"weights of the scales {lacking} given, the model has {found.scales}")
    return LabelSettings.of(found, **changes)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {name: value for name, value in options.items() if value is not None}
    if "threshold" in chosen:
        chosen["threshold"] = str(chosen["threshold"])
    if "scales" in chosen:
        chosen["scales"] = tuple(chosen["scales"])
    if "weights" in chosen:
        chosen["weights"] = {int(scale): float(weight) for scale, weight in dict(chosen["weights"]).items()}
    return chosen
