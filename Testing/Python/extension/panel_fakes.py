"""A review and a workbench that remember what was asked of them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np


class FakeReview:
    """Two scales, two components; every change is remembered as its name and arguments."""

    def __init__(self, threshold: str = "0.5") -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.threshold_value, self.volume_ml = 0.5, 2.345
        self.settings = SimpleNamespace(
            threshold=threshold,
            scales=(1,),
            weights=((1, 1.0), (2, 0.5)),
            refinement="none",
            normalisation="slice",
            min_volume_ml=0.2,
            probability_limit=0.1,
            keep_largest=None,
            uptake_border="",
        )
        self.found = SimpleNamespace(
            scales=(1, 2),
            image_kind="slice",
            volume=SimpleNamespace(name="head"),
            default_settings=lambda: SimpleNamespace(threshold="0.5"),
        )
        self.components = tuple(
            SimpleNamespace(kept=kept, volume_ml=volume, centre_lps_mm=(1.0, -2.0, 3.0), peak=0.9, suv=None)
            for kept, volume in ((True, 2.0), (False, 0.345))
        )
        self.suv_total = None
        self.scale_maps = {1: np.eye(4), 2: np.eye(2)}
        self.undo_text = self.redo_text = "threshold 0.4"
        self.accepted_as, self.edited, self.tissue_ml = "", False, 1500.0

    def histogram(self) -> np.ndarray:
        return np.arange(64)

    def volume_curve(self) -> tuple[np.ndarray, np.ndarray]:
        return np.linspace(0, 1, 5), np.arange(5.0)[::-1]

    def volume_at(self, _threshold: str) -> float:
        return 0.2

    def threshold_as(self, method: str) -> str:
        return {"percentile": "q97", "fixed": "0.325", "otsu": "otsu"}[method]

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *arguments, **options: self.calls.append((name, *arguments, *options.items()))


class FakeWorkbench:
    """A workbench with one model, whose runs never end by themselves."""

    def __init__(self, review: FakeReview | None = None) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.review, self.model, self.running = review, "one", False
        self.status = SimpleNamespace(state="idle", running=False, total=0, done=0, sentence="")
        self.probabilities, self.image_in_view = np.array([0.1, 0.9]), 0

    def models(self) -> dict[str, Any]:
        card = SimpleNamespace(
            label="Heads, MR", modality="MR", intended_use="Heads.", limits="No PET.", projections=False
        )
        return {"one": card}

    def run(self) -> bool:
        self.running = True
        self.status = SimpleNamespace(state="running", running=True, total=9, done=3, sentence="3 of 9 slices")
        return True

    def cancel(self) -> None:
        self.running = False
        self.status = SimpleNamespace(state="cancelled", running=False, total=0, done=0, sentence="Cancelled")

    def notice(self) -> str:
        return ""

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *arguments: self.calls.append((name, *arguments))
