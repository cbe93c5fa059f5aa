"""Regions of interest: a tumour cut out of a whole image with some room, and healthy tissue at the mirrored place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import GridError, InputError
from CAMLocalizerLib.metrics.boxes import Box

from ...datasets.figshare.images import to_square

LEAST_ROOM, MOST_ROOM = 0.1, 0.3


@dataclass(frozen=True, eq=False)
class Roi:
    """A rectangle of an image.

    Args:
        pixels: as stored, float32, shape (rows, columns).
        mask: tumour, shape (rows, columns); nothing in healthy tissue.
        box: where it was cut, in pixels of the image.
    """

    pixels: NDArray[np.float32]
    mask: NDArray[np.bool_]
    box: Box

    def resampled(self, size: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Stretch pixels and mask to a square of ``size`` pixels, averaging what would otherwise alias."""
        return to_square(self.pixels, size), to_square(self.mask.astype(np.float32), size) >= 0.5


def padded_box(mask: NDArray, generator: np.random.Generator) -> Box:
    """Put a box around all of a mask, with random room at each of its four sides.

    Each side gets its own share of the tumour's width or height, drawn evenly from 10 % to 30 %, so that the tumour
    is not always in the middle; what would lie outside the image is left off.

    Args:
        mask: shape (rows, columns); pixels above 0 belong.
        generator: source of the four draws.

    Raises:
        InputError: an empty mask.

    Source:
        Classifiers as segmenters (Guan and Loew), section III-B and Fig. 5.
    """
    rows, columns = np.flatnonzero((mask > 0).any(axis=1)), np.flatnonzero((mask > 0).any(axis=0))
    if not rows.size:
        raise InputError("a region of interest needs a mask with at least one pixel, got an empty one")
    (y0, y1), (x0, x1) = (_with_room(inside, generator) for inside in (rows, columns))
    height, width = mask.shape
    return Box(max(x0, 0), max(y0, 0), min(x1, width), min(y1, height))


def _with_room(inside: NDArray[np.int64], generator: np.random.Generator) -> tuple[int, int]:
    start, stop = int(inside[0]), int(inside[-1]) + 1
    before, behind = generator.uniform(LEAST_ROOM, MOST_ROOM, 2) * (stop - start)
    return start - round(before), stop + round(behind)


def mirrored_box(box: Box, shape: tuple[int, int]) -> Box:
    """Mirror a box left to right in an image of ``shape`` (rows, columns); moved inside where it would stick out."""
    height, width = shape
    across, down = min(box.x1 - box.x0, width), min(box.y1 - box.y0, height)
    x0 = min(max(width - box.x1, 0), width - across)
    y0 = min(max(box.y0, 0), height - down)
    return Box(x0, y0, x0 + across, y0 + down)


def extract_rois(
    image: NDArray,
    mask: NDArray,
    *,
    seed: int | tuple[int, ...],
    other: NDArray | None = None,
    other_mask: NDArray | None = None,
) -> tuple[Roi, Roi | None]:
    """Cut the tumour's region out of an image, and the healthy one at the same place of the other side.

    Args:
        image: whole image with a tumour, shape (rows, columns).
        mask: its tumour, same shape.
        seed: of the room around the tumour; give each image its own, such as (seed, index).
        other: image of the other side, such as the other breast's; None where ``image`` shows both sides.
        other_mask: tumour of ``other``; None where it has none.

    Returns:
        The tumour's region, and the healthy one: None where there is a tumour at the mirrored place too.

    Raises:
        GridError: a mask of another shape than its image.
        InputError: a mask without a pixel.

    Source:
        Classifiers as segmenters (Guan and Loew), section III-B: normal regions are cropped on the other side, of the
        same size and location; a pair whose places both have a tumour gives no normal one.
    """
    facing, facing_mask = (image, mask) if other is None else (other, other_mask)
    facing_mask = np.zeros(facing.shape, dtype=bool) if facing_mask is None else facing_mask
    for pixels, tumour in ((image, mask), (facing, facing_mask)):
        if pixels.shape != tumour.shape:
            raise GridError(f"image has shape {pixels.shape}, its mask {tumour.shape}; both must lie on one grid")
    box = padded_box(mask, np.random.default_rng(seed))
    healthy = _cut(facing, facing_mask, mirrored_box(box, facing.shape))
    return _cut(image, mask, box), None if healthy.mask.any() else healthy


def _cut(image: NDArray, mask: NDArray, box: Box) -> Roi:
    rows, columns = slice(int(box.y0), int(box.y1)), slice(int(box.x0), int(box.x1))
    return Roi(image[rows, columns].astype(np.float32), mask[rows, columns] > 0, box)
