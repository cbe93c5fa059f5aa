"""Resize maps for display or comparison."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def resize_maps(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Interpolate maps bilinearly between the centres of their cells, without normalisation.

    Cell c of n along an axis has its centre at (c + 1/2) / n of the image; values are constant outside the outermost
    centres. This is how the papers resize maps. It ignores that cells of strided convolutions lie half a cell nearer to
    the first pixel, unlike back-projection into a volume (see `networks.geometry.first_cell`).

    Args:
        maps: (N, h, w), floating dtype.
        size: (height, width) of the result.

    Returns:
        (N, height, width), dtype of ``maps``.
    """
    return functional.interpolate(maps[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]
