"""What one network of the soft activation mapping study measured on one held-out fold, kept between runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..results import replacing
from .maps import MapScore


@dataclass(frozen=True)
class FoldResult:
    """Figures of one row on one input and fold.

    Args:
        dataset: ``D_1C`` and so on.
        row: name in Table 1.
        fold: held out.
        trained: nodules learnt from.
        images: held-out nodules.
        figures: accuracy, sensitivity, specificity and auc, 0 to 1.
        seconds_per_epoch: wall time of training.
        maps: of the row's map, where it has one and masks are there.
    """

    dataset: str
    row: str
    fold: int
    trained: int
    images: int
    figures: Mapping[str, float]
    seconds_per_epoch: float
    maps: MapScore | None


def save_result(path: Path, result: FoldResult, settings: Mapping[str, Any]) -> None:
    """Write a result together with the settings that led to it; the file is replaced whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
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
    maps = fields.pop("maps")
    return FoldResult(**fields, maps=None if maps is None else MapScore(**maps))
