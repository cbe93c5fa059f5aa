"""Drawn PET: hot balls in a body, for tests of candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from CAMLocalizerLib.core import Grid, Volume
from CAMLocalizerLib.localizer import CandidateLocalization
from CAMLocalizerLib.models import ModelCard
from CAMLocalizerLib.segment import find_candidates
from CAMLocalizerLib.views import ProjectionPair
from reproduction.models.pet_fdg.recipe import candidate_card

SHAPE = (48, 40, 44)  # k, j, i
EDGE_MM = 4.0


def hot_balls(
    balls: Sequence[tuple[tuple[float, float, float], float, float]],
    *,
    shape: tuple[int, int, int] = SHAPE,
    background: float = 0.8,
    blur: float = 1.0,
    direction: np.ndarray | None = None,
) -> Volume:
    """Draw balls (centre in voxels k, j, i; radius in voxels; SUV) in an elliptic body, blurred."""
    k, j, i = np.indices(shape)
    middle = (np.array(shape) - 1) / 2
    inside = ((j - middle[1]) / (0.45 * shape[1])) ** 2 + ((i - middle[2]) / (0.45 * shape[2])) ** 2 <= 1
    uptake = np.where(inside, background, 0.02)
    for centre, radius, suv in balls:
        uptake[sum((line - c) ** 2 for line, c in zip((k, j, i), centre, strict=True)) <= radius**2] = suv
    grid = Grid(shape[::-1], (EDGE_MM,) * 3, (0.0, 0.0, 0.0), np.eye(3) if direction is None else direction)
    return Volume(ndimage.gaussian_filter(uptake, blur).astype(np.float32), grid, unit="SUVbw")


def tiny_candidate_card(**changes: Any) -> ModelCard:
    """Describe a model of candidates without a least volume."""
    return candidate_card("tiny-candidates", **{"uptake_border": "50%", "min_volume_ml": 0.0, **changes})


def judged_volume(volume: Volume, scores: Sequence[float], **changes: Any) -> CandidateLocalization:
    """Return what a model would find that gives the candidates, highest first, these probabilities."""
    found = find_candidates(volume)
    assert len(found) == len(scores)
    pair = ProjectionPair(volume, spacing_mm=4.0, size=(64, 64))
    highest = max(scores, default=0.0)
    probabilities = np.array([[1 - highest, highest]] * 2, dtype=np.float32)
    known = np.array(scores, dtype=np.float32)
    maps = {1: np.zeros((2, 64, 64), np.float32)}
    card = tiny_candidate_card(**changes)
    return CandidateLocalization(pair, maps, {1: 1}, probabilities, card, basins=found.basins, scores=known)
