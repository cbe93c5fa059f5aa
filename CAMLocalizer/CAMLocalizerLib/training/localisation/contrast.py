"""Which cells of an image lie within the body, and which of them stand out from their surroundings."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from ..fit.appearance import FOREGROUND

INSIDE, CANDIDATE = 1, 2  # bits of a cell's state
CONTRASTS = ("bright", "dark", "both", "none")
SURROUNDINGS = 0.27  # side of the surroundings relative to the image
RATIO = 1.08  # to the mean of the surroundings from which a cell stands out


def cell_states(images: Tensor, stride: int, contrast: str) -> Tensor:
    """Return for each cell whether it lies within the body and whether it may show the labelled structure.

    Args:
        images: normalised to a dark background, shape (N, 1, H, W).
        stride: pixels per cell, a multiple of 2.
        contrast: ``bright``, ``dark`` or ``both``: cells that differ so from the mean of the foreground around them are
            candidates; ``none``: all within the body.

    Returns:
        uint8, shape (N, H / stride, W / stride): `INSIDE` and `CANDIDATE` added.
    """
    fine = functional.avg_pool2d(images, stride // 2)  # (N, 1, 2h, 2w)
    body = (fine > FOREGROUND).to(fine.dtype)
    inside = functional.max_pool2d(functional.avg_pool2d(body, 2), 3, 1, 1) > 0
    candidates = functional.max_pool2d((_exceeds_mean(fine, body, contrast) & (body > 0)).to(fine.dtype), 2) > 0
    return (inside * INSIDE + (candidates & inside) * CANDIDATE)[:, 0].byte()


def _exceeds_mean(fine: Tensor, body: Tensor, contrast: str) -> Tensor:
    if contrast == "none":
        return body > 0
    side = max(3, int(SURROUNDINGS * fine.shape[-1]) // 2 * 2 + 1)
    mean, smooth = _mean_of_body(fine, body, side), _mean_of_body(fine, body, 3)
    bright, dark = smooth > RATIO * mean, smooth * RATIO < mean
    return {"bright": bright, "dark": dark, "both": bright | dark}[contrast]


def _mean_of_body(fine: Tensor, body: Tensor, side: int) -> Tensor:
    """Average the foreground in a square around each cell."""
    sums, share = (functional.avg_pool2d(each, side, 1, side // 2) for each in (fine * body, body))
    return sums / share.clamp(min=1e-3)
