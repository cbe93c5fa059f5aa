"""What was measured of one network on one held-out fold, kept as JSON so that an interrupted study can resume."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import InputError

from ..results import replacing


@dataclass(frozen=True, eq=False)
class Measured:
    """Figures of each image that a network never saw.

    Args:
        title: the network's name.
        fold: the fold held out.
        names: of the images, (N,).
        labels: true classes, (N,).
        logits: (N, classes); None for a network that does not classify.
        ious: row to rule to IoU of each image, (N,).
    """

    title: str
    fold: int
    names: tuple[str, ...]
    labels: NDArray[np.int64]
    logits: NDArray[np.float32] | None
    ious: Mapping[str, Mapping[str, NDArray[np.float64]]]

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Images whose masks count, (N,): those classified correctly, or all where nothing is classified."""
        if self.logits is None:
            return np.ones(len(self.labels), dtype=bool)
        return self.logits.argmax(axis=1) == self.labels

    def overlaps(self, row: str, rule: str, label: int | None = None) -> NDArray[np.float64]:
        """IoU of the images that count, of one class or of all."""
        chosen = self.counted if label is None else self.counted & (self.labels == label)
        return self.ious[row][rule][chosen]


def write_measured(path: Path, measured: Measured, recipe: Mapping[str, Any]) -> None:
    """Write figures and what they depend on, whole or not at all."""
    values = {
        "title": measured.title,
        "fold": measured.fold,
        "names": list(measured.names),
        "labels": measured.labels.tolist(),
        "logits": None if measured.logits is None else measured.logits.round(4).tolist(),
        "ious": {row: {rule: _short(each) for rule, each in rules.items()} for row, rules in measured.ious.items()},
        "recipe": recipe,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as beside:
        beside.write_text(json.dumps(values) + "\n", encoding="utf-8")


def read_measured(path: Path, recipe: Mapping[str, Any]) -> Measured | None:
    """Read figures; None if there are none of this recipe.

    Raises:
        InputError: a damaged file.
    """
    if not path.exists():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["recipe"] != json.loads(json.dumps(recipe)):
            return None
        logits = values["logits"]
        return Measured(
            values["title"],
            values["fold"],
            tuple(values["names"]),
            np.array(values["labels"], dtype=np.int64),
            None if logits is None else np.array(logits, dtype=np.float32),
            {row: {rule: np.array(each) for rule, each in rules.items()} for row, rules in values["ious"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error}); delete it to measure again") from error


def over_folds(values: Sequence[NDArray[np.float64]]) -> tuple[float, float | None]:
    """Mean over folds of the mean of each fold's values, and the standard deviation over folds (n - 1).

    Folds without values are left out; nan without any fold, no deviation with fewer than two.
    """
    means = [float(each.mean()) for each in values if each.size]
    if not means:
        return float("nan"), None
    return float(np.mean(means)), float(np.std(means, ddof=1)) if len(means) > 1 else None


def _short(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 5) for value in values]
