"""FineTuningOptions: how a training stays close to the model that it starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MASKS = ("maps", "evidence")


@dataclass(frozen=True)
class FineTuningOptions:
    """What is only set for a training that starts from a model bundle.

    Args:
        anchor: weight of the squared distance of the weights to those of the bundle, at least 0.
        copies: augmented copies of each image whose encoder maps are computed once and kept, where the encoder is
            frozen.
        slices_per_volume: slices that a label of a whole volume gives at most.
        masks: what the first pseudo-masks are made from: the ``maps`` of the bundle, or the ``evidence`` for the labels
            that a small head finds first, as in a training from fresh weights, for a bundle whose maps are poor.
    """

    anchor: float = 0.01
    copies: int = 3
    slices_per_volume: int = 16
    masks: str = "maps"


def fine_tuning_problems(values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with options, given as the fields of `FineTuningOptions`; those not given are right."""
    found = [
        f"{name} must be at least 1, got {values[name]}"
        for name in ("copies", "slices_per_volume")
        if values.get(name, 1) < 1
    ]
    if values.get("masks", MASKS[0]) not in MASKS:
        found.append(f"masks must be one of {', '.join(MASKS)}, got {values['masks']!r}")
    if not 0 <= values.get("anchor", 0) < float("inf"):
        found.append(f"anchor must be at least 0, got {values['anchor']}")
    return found
