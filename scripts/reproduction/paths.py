"""Folders of the checkout."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
RUNS = REPOSITORY / "runs"
RESULTS = REPOSITORY / "docs" / "results"
TRAINING_RESOURCES = REPOSITORY / "Resources" / "training"
