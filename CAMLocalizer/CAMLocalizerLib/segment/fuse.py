"""Fusion: the maps of several scales become one activation on the volume's own grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from ..core import ActivationMap, ActivationPyramid, GridError, SettingsError
from ..views import PlaneAxes, back_project, plane_axes

NORMALISATIONS = ("slice", "volume", "reference")
PLANES_AT_ONCE = 8


def scale_weights(
    pyramid: ActivationPyramid, scales: Iterable[int] | None = None, weights: Mapping[int, float] | None = None
) -> dict[int, float]:
    """Settle which scales count how much.

    Args:
        pyramid: its scales are the ones to choose from.
        scales: scales to fuse; None for those of ``weights``, or all if that is None too.
        weights: weight of each scale, at least 0; a chosen scale without one counts 1, weights of scales not
            chosen are ignored. None for equal weights.

    Returns:
        Weights that sum to 1, of the scales whose weight is above 0, finest first.

    Raises:
        SettingsError: a scale that the pyramid lacks, a negative or infinite weight, or nothing left to fuse.
    """
    given = dict(weights or {})
    chosen = list(scales) if scales is not None else (list(given) or list(pyramid.scales))
    pyramid.select({*chosen, *given})
    if bad := {scale: weight for scale, weight in given.items() if not np.isfinite(weight) or weight < 0}:
        raise SettingsError(f"weights of scales must be finite and at least 0, got {bad}")
    taken = {scale: float(given.get(scale, 1.0)) for scale in sorted(set(chosen))}
    total = sum(taken.values())
    if total <= 0:
        raise SettingsError(f"at least one scale needs a weight above 0, got {taken}")
    return {scale: weight / total for scale, weight in taken.items() if weight > 0}


def back_project_scales(
    pyramid: ActivationPyramid, scales: Iterable[int] | None = None
) -> dict[int, NDArray[np.float32]]:
    """Bring the raw maps of scales to the volume's grid; keep the result where :func:`combine` is called often.

    Args:
        pyramid: raw maps.
        scales: scales to bring back; None for all.

    Returns:
        Per scale a float32 array of shape ``pyramid.source_grid.shape_kji``.

    Raises:
        SettingsError: a scale that the pyramid lacks.
    """
    wanted = pyramid.scales if scales is None else scales
    return {entry.scale: _back_project(entry, pyramid) for entry in pyramid.select(wanted)}


def combine(
    maps: Mapping[int, NDArray[np.float32]],
    pyramid: ActivationPyramid,
    *,
    scales: Iterable[int] | None = None,
    weights: Mapping[int, float] | None = None,
    normalisation: str = "slice",
    probability_limit: float = 0.0,
    reference: Mapping[int, float] | None = None,
) -> NDArray[np.float32]:
    """Fuse maps that are on the volume's grid already; the quick half of :func:`fuse`.

    Args:
        maps: what :func:`back_project_scales` returned for ``pyramid``.
        pyramid: gives tumour probabilities, view and grid.
        scales: as for :func:`fuse`; None for those of ``weights``, or all of ``maps``.
        weights: as for :func:`fuse`.
        normalisation: as for :func:`fuse`.
        probability_limit: as for :func:`fuse`.
        reference: as for :func:`fuse`.

    Returns:
        As :func:`fuse`.

    Raises:
        SettingsError: as for :func:`fuse`, or a scale that ``maps`` lacks.
    """
    shares = scale_weights(pyramid, maps if scales is None and weights is None else scales, weights)
    if missing := set(shares) - set(maps):
        raise SettingsError(f"scales {sorted(missing)} were not back-projected, only {sorted(maps)}")
    levels = _reference_levels(shares, normalisation, reference)
    pairs = ((scale, maps[scale]) for scale in shares)
    return _combine(pairs, shares, pyramid, normalisation, probability_limit, levels)


def fuse(
    pyramid: ActivationPyramid,
    *,
    scales: Iterable[int] | None = None,
    weights: Mapping[int, float] | None = None,
    normalisation: str = "slice",
    probability_limit: float = 0.0,
    reference: Mapping[int, float] | None = None,
) -> NDArray[np.float32]:
    """Fuse the maps of several scales into one activation of the volume.

    Each scale is back-projected and divided by its maximum, the weighted scales are summed, and the sum is divided
    by its maximum. Where a maximum is zero the map stays zero. Beside the result, one array of the volume's size
    is held at a time.

    Args:
        pyramid: raw maps of a volume.
        scales: scales to fuse; None for those of ``weights``, or all if that is None too.
        weights: weight of each scale, at least 0, relative to each other; a chosen scale without one counts 1. None
            for equal weights.
        normalisation: ``slice``: maxima of each slice by itself. ``volume``: maxima over the volume, so that
            slices compare. ``reference``: scales are divided by fixed levels and cut at 1, the sum is their weighted
            mean and not divided again, so that volumes compare.
        probability_limit: slices whose tumour probability is below this, 0 to 1, are zero and count in no maximum.
        reference: level above 0 of each fused scale, for ``reference`` only.

    Returns:
        Activation in 0..1, float32, shape ``pyramid.source_grid.shape_kji``.

    Raises:
        SettingsError: a scale that the pyramid lacks, a negative weight, an unknown normalisation, a limit out of
            range, or a reference level that is missing or not positive.

    Source:
        PG-CAM, equations 2 and 3: maps of the selected scales resized, normalised and summed.
    """
    shares = scale_weights(pyramid, scales, weights)
    levels = _reference_levels(shares, normalisation, reference)
    pairs = ((entry.scale, _back_project(entry, pyramid)) for entry in pyramid.select(shares))
    return _combine(pairs, shares, pyramid, normalisation, probability_limit, levels)


def _back_project(entry: ActivationMap, pyramid: ActivationPyramid) -> NDArray[np.float32]:
    return back_project(entry.array_kji, entry.grid, pyramid.source_grid, plane=pyramid.view)


def _reference_levels(
    shares: Mapping[int, float], normalisation: str, reference: Mapping[int, float] | None
) -> dict[int, float]:
    if normalisation not in NORMALISATIONS:
        raise SettingsError(f"normalisation of maps must be one of {', '.join(NORMALISATIONS)}, got {normalisation!r}")
    if normalisation != "reference":
        return {}
    levels = {scale: float((reference or {}).get(scale, 0.0)) for scale in shares}
    if any(not np.isfinite(level) or level <= 0 for level in levels.values()):
        raise SettingsError(
            f"normalisation by reference needs a level above 0 for each of the scales {tuple(shares)}, got {reference}"
        )
    return levels


def _combine(
    pairs: Iterable[tuple[int, NDArray[np.float32]]],
    shares: Mapping[int, float],
    pyramid: ActivationPyramid,
    normalisation: str,
    probability_limit: float,
    levels: Mapping[int, float],
) -> NDArray[np.float32]:
    axes = plane_axes(pyramid.source_grid, pyramid.view)
    counted = _counted_slices(pyramid, probability_limit, axes)
    total = np.zeros(pyramid.source_grid.shape_kji, dtype=np.float32)
    for scale, array in pairs:
        if normalisation == "reference":
            divisor = np.full(counted.shape, levels[scale], dtype=np.float32)
        else:
            divisor = _maxima(array, counted, normalisation)
        _add(total, array, divisor, counted * np.float32(shares[scale]))
        del array  # before the next scale is back-projected
    if normalisation != "reference":
        np.divide(total, _maxima(total, counted, normalisation), out=total)
    return total


def _counted_slices(pyramid: ActivationPyramid, limit: float, axes: PlaneAxes) -> NDArray[np.bool_]:
    """Tell which slices contribute, in a shape that broadcasts against the volume."""
    if not 0 <= limit <= 1:
        raise SettingsError(f"limit of the tumour probability must be 0 to 1, got {limit}")
    counted = axes.per_slice(pyramid.tumour_probabilities >= limit)
    slices = pyramid.source_grid.shape_kji[axes.slice_axis_kji]
    if counted.size != slices:
        raise GridError(f"pyramid has {counted.size} slices, its volume has {slices} in the {pyramid.view} plane")
    return counted


def _maxima(array: NDArray[np.float32], counted: NDArray[np.bool_], normalisation: str) -> NDArray[np.float32]:
    """Return per slice the maximum to divide by; 1 where there is nothing to divide."""
    others = tuple(axis for axis in range(3) if counted.shape[axis] != array.shape[axis])
    maxima = np.where(counted, array.max(axis=others, keepdims=True), np.float32(0))
    if normalisation == "volume":
        maxima = np.full_like(maxima, maxima.max())
    return np.where(maxima > 0, maxima, np.float32(1))


def _add(
    total: NDArray[np.float32], array: NDArray[np.float32], divisor: NDArray[np.float32], share: NDArray[np.float32]
) -> None:
    """Add ``min(array / divisor, 1) * share`` to ``total``, a few planes at a time."""
    divisor, share = np.broadcast_to(divisor, total.shape), np.broadcast_to(share, total.shape)
    for start in range(0, len(total), PLANES_AT_ONCE):
        part = slice(start, start + PLANES_AT_ONCE)
        scaled = array[part] / divisor[part]
        np.minimum(scaled, np.float32(1), out=scaled)
        scaled *= share[part]
        total[part] += scaled
