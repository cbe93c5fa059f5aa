"""Maps brought to another resolution for display or comparison."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def resize_maps(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Interpolate maps bilinearly between the centres of their cells; nothing is normalised.

    Cell c of n along an axis has its centre at ((c + 1/2) / n) of the image; beyond the outermost centres the
    outermost value holds. This is the papers' way; it leaves out that cells of strided convolutions lie half a cell
    nearer to the first pixel, which the way back into a volume does not (`networks.geometry.first_cell`).

    Args:
        maps: (N, h, w), floating dtype.
        size: (height, width) wanted.

    Returns:
        (N, height, width), dtype of ``maps``.
    """
    return functional.interpolate(maps[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]
