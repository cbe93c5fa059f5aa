"""Which candidate regions a slice's own label is explained by: first by saliency, then by what the network learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .regions import Region
from .slices import SliceSet

FIRST_CANDIDATES, LATER_CANDIDATES = 6, 4
FIRST_TEMPERATURE, LATER_TEMPERATURE = 0.15, 0.2
NETWORK_SHARE = 0.3
LEAST_PEAK = 0.3
PLACES = 24
PLACE_FLOOR = 2e-4
PLACE_EXPONENT = 0.5
LEAST_SALIENCY = 0.02


def enhancing_saliency(region: Region) -> float:
    """How much a candidate looks like an enhancing mass: bright against its ring, round, away from the scalp."""
    deep = np.clip((region.head_depth - 4) / 8, 0, 1)
    return float(region.bright * max(region.contrast, 0.0) * region.area**0.35 * region.roundness * deep)


def infiltrating_saliency(region: Region, plane: str) -> float:
    """How much a candidate looks like a lesion within the brain that may be dark: differs from the other side."""
    deep = np.clip((region.head_depth - 4) / 8, 0, 1) * np.clip(region.brain_depth / 5, 0.2, 1)
    one_sided = np.clip(region.asymmetry, 0.1, 1.5) if plane != "sagittal" else 0.5
    contrast = region.contrast if region.contrast > 0 else -0.8 * region.contrast
    return float(contrast * region.area**0.7 * region.roundness * deep * region.inside_brain**2 * one_sided)


def saliencies(slices: SliceSet, regions: Sequence[Sequence[Region]], infiltrating: int) -> list[NDArray[np.float64]]:
    """Score every candidate of every slice from the slice's label and the labels of the other slices.

    A bright region at a place where slices of every class have one is normal anatomy (the sinuses, the orbit's fat);
    one at a place where slices of this class alone do is the tumour. So the saliency of an enhancing mass is
    multiplied by the root of the ratio of the two frequencies, counted over all slices of the same plane.

    Args:
        slices: labels and planes.
        regions: candidates of every slice.
        infiltrating: label of the tumour type whose lesions may be dark and diffuse; the others enhance.

    Returns:
        Scores of each slice's candidates, at least 0.02.
    """
    enhancing = [np.array([enhancing_saliency(region) for region in found]) for found in regions]
    ratios = _place_ratios(slices, regions, enhancing)
    result = []
    for index, found in enumerate(regions):
        if slices.labels[index] == infiltrating:
            scores = np.array([infiltrating_saliency(region, slices.planes[index]) for region in found])
        else:
            inside = np.array([0.5 + region.inside_brain for region in found])
            scores = enhancing[index] * inside * ratios[index] ** PLACE_EXPONENT
        result.append(np.maximum(scores, LEAST_SALIENCY))
    return result


def _place_ratios(
    slices: SliceSet, regions: Sequence[Sequence[Region]], scores: Sequence[NDArray[np.float64]]
) -> list[NDArray[np.float64]]:
    """Frequency of salient regions at each candidate's place in its own class over that in the other classes."""
    cells = [[_cell(region, plane) for region in found] for found, plane in zip(regions, slices.planes, strict=True)]
    ratios = [np.ones(len(found)) for found in regions]
    for plane in np.unique(slices.planes):
        maps = {label: np.zeros((PLACES, PLACES)) for label in np.unique(slices.labels) if label}
        members = np.flatnonzero((slices.planes == plane) & (slices.labels > 0)).tolist()
        for index in members:
            for cell, weight in zip(cells[index], _softmax(scores[index], FIRST_TEMPERATURE), strict=True):
                maps[slices.labels[index]][cell] += weight
        counts = {label: max(1, int((slices.labels[members] == label).sum())) for label in maps}
        maps = {label: ndimage.gaussian_filter(found / counts[label], 1.0) for label, found in maps.items()}
        for index in members:
            own = maps[slices.labels[index]]
            others = [found for label, found in maps.items() if label != slices.labels[index]]
            ratio = (own + PLACE_FLOOR) / (np.mean(others, axis=0) + PLACE_FLOOR) if others else np.ones_like(own)
            ratios[index] = np.array([ratio[cell] for cell in cells[index]])
    return ratios


def _cell(region: Region, plane: str) -> tuple[int, int]:
    row, column = region.place
    column = column if plane == "sagittal" else 2 * abs(column - 0.5)
    return min(int(row * PLACES), PLACES - 1), min(int(column * PLACES), PLACES - 1)


def _softmax(scores: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    if not len(scores):
        return scores
    weights = np.exp((scores / max(float(scores.max()), 1e-6) - 1) / temperature)
    return weights / weights.sum()


def saliency_target(
    regions: Sequence[Region], scores: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Average the most salient candidates of a tumour slice, weighted by a softmax of their saliency.

    Args:
        regions: candidates of the slice.
        scores: their saliency.
        shape: height and width of the slice.

    Returns:
        float32, shape ``shape``, 0 to 1; zero without candidates.
    """
    return _average(regions, scores, shape, FIRST_CANDIDATES, FIRST_TEMPERATURE)


def network_target(
    regions: Sequence[Region], scores: NDArray[np.float64], evidence: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Average the candidates that are salient and agree with the network's own evidence, and blend in the evidence.

    A candidate's agreement is its soft IoU with the evidence; it is multiplied by the root of the saliency, so that
    a network that goes astray cannot carry its targets with it.

    Args:
        regions: candidates of the slice.
        scores: their saliency.
        evidence: evidence at the finest scale, 0 to 1, shape (height, width).

    Returns:
        float32 target, 0 to 1.
    """
    if not regions:
        return np.zeros_like(evidence)
    areas = np.array([region.area for region in regions], dtype=np.float64)
    inside = np.array([evidence[region.window][region.mask].sum() for region in regions], dtype=np.float64)
    soft_iou = inside / (areas + evidence.sum() - inside + 1e-3)
    chosen = _average(regions, (soft_iou + 0.02) * np.sqrt(scores), evidence.shape, LATER_CANDIDATES, LATER_TEMPERATURE)
    seen = np.minimum(evidence / max(float(evidence.max()), LEAST_PEAK), 1.0)
    return ((1 - NETWORK_SHARE) * chosen + NETWORK_SHARE * seen).astype(np.float32)


def _average(
    regions: Sequence[Region], scores: NDArray, shape: tuple[int, ...], count: int, temperature: float
) -> NDArray[np.float32]:
    best = np.argsort(-scores)[:count]
    target = np.zeros(shape, dtype=np.float32)
    for index, weight in zip(best, _softmax(scores[best], temperature), strict=True):
        target[regions[index].window] += weight * regions[index].mask
    return target
