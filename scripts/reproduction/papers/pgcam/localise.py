"""All maps of one network of PG-CAM's tables, scored on slices with masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from .maps import MapScore, fused_maps, raw_maps, score_maps, stretched_maps
from .systems import METHODS, SWEEP, MapRow, System


@dataclass(frozen=True, eq=False)
class MaskedSlices:
    """Slices that show a meningioma, and where.

    Args:
        names: shape (N,).
        images: normalised, shape (N, C, H, W).
        masks: shape (N, H, W).
    """

    names: NDArray[np.str_]
    images: NDArray[np.float32]
    masks: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Localised:
    """What the maps of one network are worth.

    Args:
        scores: row to its score at its own threshold.
        sweep: row of Table 2 to F1 at each threshold of ``SWEEP``, written as text.
        tuned: row of Table 2 to its score at the threshold that was best on other slices.
        tuned_thresholds: row of Table 2 to that threshold.
        activations: name to maps in 0..1 for pictures, shape (N, H, W): rows of Table 2 and PG-CAM's single scales.
    """

    scores: dict[str, MapScore] = field(default_factory=dict)
    sweep: dict[str, dict[str, float]] = field(default_factory=dict)
    tuned: dict[str, MapScore] = field(default_factory=dict)
    tuned_thresholds: dict[str, float] = field(default_factory=dict)
    activations: dict[str, NDArray[np.float32]] = field(default_factory=dict)


def localise(system: System, network: nn.Module, shown: MaskedSlices, tuning: MaskedSlices) -> Localised:
    """Score every map row of a network.

    Args:
        system: what the network is in the tables.
        network: trained.
        shown: slices that are measured.
        tuning: other slices, on which thresholds are chosen.
    """
    result = Localised()
    for method in dict.fromkeys(row.method for row in system.maps):
        rows = [row for row in system.maps if row.method == method]
        raw = _raw(rows[0], system, network, shown)
        other = _raw(rows[0], system, network, tuning) if any(row.in_table_2 for row in rows) else {}
        for row in rows:
            activations = _activations(row, raw, shown)
            result.scores[row.row] = score_maps(activations, shown.masks, row.threshold)
            if row.in_table_2:
                _try_thresholds(result, row, activations, shown.masks, _f1_by_threshold(row, other, tuning))
        if method == "PG-CAM":
            size = shown.masks.shape[1], shown.masks.shape[2]
            result.activations.update({f"scale {scale}": fused_maps(raw, [scale], size) for scale in raw})
    return result


def _raw(row: MapRow, system: System, network: nn.Module, slices: MaskedSlices) -> dict[int, Tensor]:
    return raw_maps(METHODS[row.method](network), slices.images, system.weights, signed=row.signed)


def _activations(row: MapRow, raw: Mapping[int, Tensor], slices: MaskedSlices) -> NDArray[np.float32]:
    size = (slices.masks.shape[1], slices.masks.shape[2])
    return stretched_maps(raw[1], size) if row.signed else fused_maps(raw, row.scales, size)


def _f1_by_threshold(row: MapRow, raw: Mapping[int, Tensor], slices: MaskedSlices) -> dict[float, float]:
    activations = _activations(row, raw, slices)
    return {level: score_maps(activations, slices.masks, level).boxes.f1 for level in SWEEP}


def _try_thresholds(
    result: Localised,
    row: MapRow,
    activations: NDArray[np.float32],
    masks: NDArray[np.bool_],
    elsewhere: Mapping[float, float],
) -> None:
    """Add what other thresholds give, among them the one with the best F1 on other slices."""
    scores = {level: score_maps(activations, masks, level) for level in SWEEP}
    best = max(SWEEP, key=lambda level: np.nan_to_num(elsewhere[level]))
    result.sweep[row.row] = {f"{level:g}": score.boxes.f1 for level, score in scores.items()}
    result.tuned[row.row], result.tuned_thresholds[row.row] = scores[best], best
    result.activations[row.row] = activations
