"""Fusion: the maps of several scales become one activation on the volume's own grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core import ActivationMap, ActivationPyramid, GridError, OptionError, SettingsError, check_choice
from ..option_names import MAP_NORMALISATIONS
from ..views import back_project, plane_axes
from ..views.backproject import BackProjection, slice_parts
from .sums import Term, divide, slice_maxima, weighted_sum

# Maps whose maximum is below this are zero for all purposes; dividing by less would overflow.
SMALLEST = np.finfo(np.float32).tiny


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
    chosen = maps if scales is None and weights is None else scales
    fusion = Fusion.of(pyramid, chosen, weights, normalisation, probability_limit, reference)
    if missing := set(fusion.shares) - set(maps):
        raise SettingsError(f"scales {sorted(missing)} were not back-projected, only {sorted(maps)}")
    total = np.empty(pyramid.source_grid.shape_kji, dtype=np.float32)
    fusion.write(total, maps, {scale: fusion.maxima(maps[scale]) for scale in fusion.shares})
    return total


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
    is held at a time, and none with ``reference``.

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
    fusion = Fusion.of(pyramid, scales, weights, normalisation, probability_limit, reference)
    total = np.empty(pyramid.source_grid.shape_kji, dtype=np.float32)
    if normalisation == "reference":
        _fuse_by_reference(total, pyramid, fusion)
        return total
    for n, entry in enumerate(pyramid.select(fusion.shares)):
        array = _back_project(entry, pyramid)
        term = fusion.term(entry.scale, array, fusion.maxima(array))
        highest = weighted_sum(total, [term], fusion.slice_axis, add=n > 0)
        del array, term  # before the next scale is back-projected
    fusion.finish(total, highest)
    return total


def _fuse_by_reference(total: NDArray[np.float32], pyramid: ActivationPyramid, fusion: Fusion) -> None:
    """Overwrite an array with the fusion, a few slices at a time, as no maximum over more of them is needed."""
    axes = plane_axes(pyramid.source_grid, pyramid.view)
    slices, counted = axes.as_slices(total), axes.as_slices(fusion.counted)  # in display order, as the maps
    ways = {
        entry.scale: BackProjection.of(entry.array_kji, entry.grid, pyramid.source_grid, pyramid.view)
        for entry in pyramid.select(fusion.shares)
    }
    for part in slice_parts(len(slices)):
        factors = counted[part].astype(np.float32)
        if not factors.any():
            slices[part] = 0
            continue
        sums: NDArray[np.float32] | None = None
        for scale, share in fusion.shares.items():
            term = ways[scale].slices(part)
            term *= factors * (np.float32(share) / np.float32(fusion.levels[scale]))
            np.minimum(term, np.float32(share), out=term)
            sums = term if sums is None else np.add(sums, term, out=sums)
        slices[part] = sums


@dataclass(frozen=True, eq=False)
class Fusion:
    """How the maps of a pyramid become one: settings that were checked, and the arithmetic that all ways share.

    Args:
        shares: weight of each scale, summing to 1, finest first.
        normalisation: ``slice``, ``volume`` or ``reference``.
        levels: per scale what it is divided by, for ``reference`` only.
        counted: which slices contribute, in a shape that broadcasts against the volume.
        slice_axis: axis of the volume that counts the slices.
    """

    shares: Mapping[int, float]
    normalisation: str
    levels: Mapping[int, float]
    counted: NDArray[np.bool_]
    slice_axis: int

    @classmethod
    def of(
        cls,
        pyramid: ActivationPyramid,
        scales: Iterable[int] | None,
        weights: Mapping[int, float] | None,
        normalisation: str,
        probability_limit: float,
        reference: Mapping[int, float] | None,
    ) -> Fusion:
        """Check settings, see :func:`fuse`."""
        shares = scale_weights(pyramid, scales, weights)
        levels = _reference_levels(shares, normalisation, reference)
        axis = plane_axes(pyramid.source_grid, pyramid.view).slice_axis_kji
        return cls(shares, normalisation, levels, _counted_slices(pyramid, probability_limit), axis)

    def maxima(self, array: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the maximum of each slice of a map."""
        return slice_maxima(array, self.slice_axis)

    def term(self, scale: int, array: NDArray[np.float32], maxima: NDArray[np.float32]) -> Term:
        """Divide a map by its level and weigh it, both in one factor per slice."""
        share = np.float32(self.shares[scale])
        if self.normalisation == "reference":
            return Term(array, self.counted * (share / np.float32(self.levels[scale])), share)
        return Term(array, self.counted * (share / self._divisors(maxima)))

    def write(
        self,
        total: NDArray[np.float32],
        maps: Mapping[int, NDArray[np.float32]],
        maxima: Mapping[int, NDArray[np.float32]],
    ) -> None:
        """Overwrite an array with the fusion of maps whose maxima are known."""
        terms = [self.term(scale, maps[scale], maxima[scale]) for scale in self.shares]
        self.finish(total, weighted_sum(total, terms, self.slice_axis))

    def finish(self, total: NDArray[np.float32], maxima: NDArray[np.float32]) -> None:
        """Divide the sum, whose maxima are known, by them."""
        if self.normalisation != "reference":
            divide(total, self._divisors(maxima), maxima)

    def _divisors(self, maxima: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return per slice the maximum to divide by; 1 where there is nothing to divide."""
        maxima = np.where(self.counted, maxima, np.float32(0))
        if self.normalisation == "volume":
            maxima = maxima.max(keepdims=True)
        return np.where(maxima >= SMALLEST, maxima, np.float32(1))


def _back_project(entry: ActivationMap, pyramid: ActivationPyramid) -> NDArray[np.float32]:
    return back_project(entry.array_kji, entry.grid, pyramid.source_grid, plane=pyramid.view)


def _reference_levels(
    shares: Mapping[int, float], normalisation: str, reference: Mapping[int, float] | None
) -> dict[int, float]:
    check_choice("normalisation", normalisation, MAP_NORMALISATIONS)
    if normalisation != "reference":
        return {}
    levels = {scale: float((reference or {}).get(scale, 0.0)) for scale in shares}
    if any(not np.isfinite(level) or level <= 0 for level in levels.values()):
        raise SettingsError(
            f"normalisation by reference needs a level above 0 for each of the scales {tuple(shares)}, got {reference}"
        )
    return levels


def check_limit(probability_limit: float) -> None:
    """Refuse a limit of the tumour probability that is not a probability.

    Raises:
        OptionError: it is not within 0 to 1.
    """
    if not 0 <= probability_limit <= 1:
        raise OptionError("probability_limit", f"must be 0 to 1, got {probability_limit}")


def _counted_slices(pyramid: ActivationPyramid, limit: float) -> NDArray[np.bool_]:
    """Tell which slices contribute, in a shape that broadcasts against the volume."""
    check_limit(limit)
    axes = plane_axes(pyramid.source_grid, pyramid.view)
    counted = axes.per_slice(pyramid.tumour_probabilities >= limit)
    slices = pyramid.source_grid.shape_kji[axes.slice_axis_kji]
    if counted.size != slices:
        raise GridError(f"pyramid has {counted.size} slices, its volume has {slices} in the {pyramid.view} plane")
    return counted
