"""What one network measured on one held-out fold, kept between runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from CAMLocalizerLib.metrics import BoxScore

from ..results import replacing
from .maps import MapScore


@dataclass(frozen=True)
class FoldResult:
    """Figures of one network on one held-out fold.

    Args:
        system: name of the network's `System`.
        fold: the held-out fold.
        trained: number of images learnt from.
        images: number of held-out images.
        positives: held-out images that show a meningioma.
        classification: measure to value, on all held-out images.
        maps: localisation row to its score, on the positives.
        sweep: row of Table 2 to F1 at each threshold, written as text.
        tuned: row of Table 2 to its score at the threshold that was best on slices of the training folds.
        tuned_thresholds: row of Table 2 to that threshold.
    """

    system: str
    fold: int
    trained: int
    images: int
    positives: int
    classification: Mapping[str, float]
    maps: Mapping[str, MapScore]
    sweep: Mapping[str, Mapping[str, float]]
    tuned: Mapping[str, MapScore]
    tuned_thresholds: Mapping[str, float]


def save_result(path: Path, result: FoldResult, settings: Mapping[str, Any]) -> None:
    """Write a result together with the settings that led to it; the file is replaced whole."""
    with replacing(path) as beside:
        beside.write_text(json.dumps({"settings": settings, "result": asdict(result)}), encoding="utf-8")


def load_result(path: Path, settings: Mapping[str, Any]) -> FoldResult | None:
    """Read a result; None where there is none yet or other settings led to it."""
    if not path.is_file():
        return None
    stored = json.loads(path.read_text(encoding="utf-8"))
    if stored["settings"] != json.loads(json.dumps(settings)):
        return None
    fields = stored["result"]
    for name in ("maps", "tuned"):
        fields[name] = {row: _score(values) for row, values in fields[name].items()}
    return FoldResult(**fields)


def _score(values: Mapping[str, Any]) -> MapScore:
    return MapScore(BoxScore(**values["boxes"]), tuple(values["ious"]))
