"""Fusion of the maps of two projections into one activation on the volume's own grid."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..core import SettingsError, check_choice
from ..option_names import MAP_NORMALISATIONS
from ..views import PROJECTIONS, ProjectionPair


def fuse_projections(
    pair: ProjectionPair,
    maps: Mapping[int, NDArray[np.float32]],
    strides: Mapping[int, int],
    *,
    weights: Mapping[int, float],
    normalisation: str = "slice",
    reference: Mapping[int, float] | None = None,
    offsets: Mapping[int, float] | None = None,
) -> dict[str, NDArray[np.float32]]:
    r"""Bring the maps of each projection to the volume's grid, fused over the scales.

    Each scale's map is interpolated to the voxels and divided by its maximum there (Eq. 1), the weighted scales are
    summed, and the sum is divided by its maximum; for one scale that is Eq. 1 itself. The maximum is taken over the
    body and not over the padding around it, where a peak would mean nothing. Maps that are zero stay zero.

    Args:
        pair: geometry of the projections.
        maps: scale to raw maps, at least 0, shape (2, h, w): coronal, sagittal.
        strides: scale to pixels per cell.
        weights: weight of each scale to be fused, at least 0, relative to each other.
        normalisation: ``slice``: maxima of each projection by itself. ``volume``: maxima over both. ``reference``:
            scales are divided by fixed levels and cut at 1, the sum is their weighted mean and not divided again.
        reference: level above 0 of each fused scale, for ``reference`` only.
        offsets: scale to pixel index of the first cell's centre; scales without one have cells in the middle.

    Returns:
        Plane to a float32 array in 0..1 that broadcasts against ``pair.volume.array_kji``.

    Raises:
        SettingsError: an unknown normalisation, a reference level that is missing or not positive, a scale without
            maps, or weights that are negative or all zero.

    Source:
        Amyar et al., Weakly supervised tumor detection in PET using class response, 2020, Eq. 1.
    """
    shares = _shares(weights, maps)
    levels = _levels(shares, normalisation, reference)
    total: dict[str, NDArray[np.float32]] = {}
    for scale, share in shares.items():
        lines = {
            plane: pair.to_volume(maps[scale][n], plane, stride=strides[scale], offset=(offsets or {}).get(scale))
            for n, plane in enumerate(PROJECTIONS)
        }
        divisors = dict.fromkeys(PROJECTIONS, levels[scale]) if levels else _maxima(lines, normalisation)
        for plane, values in lines.items():
            scaled = np.minimum(values / np.float32(divisors[plane]), np.float32(1)) * np.float32(share)
            total[plane] = total[plane] + scaled if plane in total else scaled
    if levels:
        return total
    divisors = _maxima(total, normalisation)
    return {plane: np.minimum(values / np.float32(divisors[plane]), np.float32(1)) for plane, values in total.items()}


def multiply_projections(lines: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    r"""Combine the maps of two projections into the activation of the volume.

    .. math:: A(x, y, z) = M_{coronal}(x, z)\, M_{sagittal}(y, z)

    The product is not divided by its maximum: where the projections disagree on the height of the tumour it stays
    low, as the evidence is.

    Args:
        lines: from :func:`fuse_projections`.

    Returns:
        float32 in 0..1, the volume's shape.

    Source:
        Amyar et al., 2020, section 3: the maps of face and profile give x, z and y, z. The paper does not say how they
        are combined; a product is high only where both are, and needs no further parameter.
    """
    coronal, sagittal = (lines[plane] for plane in PROJECTIONS)
    return np.multiply(coronal, sagittal, dtype=np.float32)


def _shares(weights: Mapping[int, float], maps: Mapping[int, NDArray[np.float32]]) -> dict[int, float]:
    if lacking := sorted(set(weights) - set(maps)):
        raise SettingsError(f"unknown scales {lacking}; the model provides {sorted(maps)}")
    total = sum(weights.values())
    if not np.isfinite(total) or total <= 0 or min(weights.values()) < 0:
        raise SettingsError(f"weights of scales must be finite and at least 0, one of them above 0, got {weights}")
    return {scale: weight / total for scale, weight in sorted(weights.items()) if weight > 0}


def _levels(shares: Mapping[int, float], normalisation: str, reference: Mapping[int, float] | None) -> dict[int, float]:
    check_choice("normalisation", normalisation, MAP_NORMALISATIONS)
    if normalisation != "reference":
        return {}
    levels = {scale: float((reference or {}).get(scale, 0.0)) for scale in shares}
    if any(not np.isfinite(level) or level <= 0 for level in levels.values()):
        raise SettingsError(
            f"normalisation by reference needs a level above 0 for scales {tuple(shares)}, got {levels}"
        )
    return levels


def _maxima(lines: Mapping[str, NDArray[np.float32]], normalisation: str) -> dict[str, float]:
    """Return what each projection is divided by; 1 where there is nothing to divide."""
    maxima = {plane: float(values.max()) for plane, values in lines.items()}
    if normalisation == "volume":
        maxima = dict.fromkeys(maxima, max(maxima.values()))
    return {plane: maximum if maximum > 0 else 1.0 for plane, maximum in maxima.items()}
