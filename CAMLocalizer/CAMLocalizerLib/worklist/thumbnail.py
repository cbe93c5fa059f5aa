"""Thumbnail: a small picture of a case with the border of its label map."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from ..core import is_suv
from ..option_names import PLANES
from ..views import PlaneAxes, plane_axes
from ..workbench import Review

PIXELS = 112
BORDER = (77, 255, 210)
PROJECTED = "coronal"
DARK, BRIGHT = 1.0, 99.5  # percentiles of the grey window
SUV_WINDOW = (0.0, 7.0)


def thumbnail(review: Review) -> bytes:
    """Draw the slice that shows most of the label map, or else the one with the highest probability, as PNG.

    A PET in SUV is drawn as a projection in inverted grey.

    Args:
        review: of the case.
    """
    volume, found = review.found.volume, review.found
    projected = is_suv(volume) or found.view not in PLANES
    plane = PROJECTED if projected else found.view
    axes = plane_axes(volume.grid, plane)
    image, mask = (axes.as_slices(array) for array in (volume.displayed().array_kji, review.mask))
    if projected:
        grey, inside = image.max(axis=0), mask.max(axis=0)
    else:
        area = mask.sum(axis=(1, 2), dtype=np.int64)
        at = int(area.argmax()) if area.any() else int(np.argmax(found.tumour_probabilities))
        grey, inside = image[at], mask[at]
    window = SUV_WINDOW if is_suv(volume) else _window(grey)
    levels = np.clip((grey - window[0]) / max(window[1] - window[0], 1e-6), 0, 1)
    return _png(_turned(axes, 1 - levels if is_suv(volume) else levels), _turned(axes, inside > 0), _size(review, axes))


def small_picture(path: Path) -> bytes:
    """Return a picture of an earlier result as a small PNG.

    Raises:
        OSError: it cannot be read.
    """
    with Image.open(path) as picture:
        picture.thumbnail((2 * PIXELS, 2 * PIXELS))
        return _bytes(picture.convert("RGB"))


def _turned(axes: PlaneAxes, image: NDArray) -> NDArray:
    return image[:: axes.signs[1], :: axes.signs[0]]


def _window(grey: NDArray) -> tuple[float, float]:
    low, high = np.percentile(grey, [DARK, BRIGHT])
    return float(low), float(high)


def _size(review: Review, axes: PlaneAxes) -> tuple[int, int]:
    """Return width and height in pixels, the longer side :data:`PIXELS`."""
    grid = review.found.volume.grid
    width, height = (grid.size[axis] * grid.spacing_mm[axis] for axis in axes.axes[:2])
    scale = PIXELS / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _png(levels: NDArray, inside: NDArray[np.bool_], size: tuple[int, int]) -> bytes:
    grey = Image.fromarray((levels * 255).astype(np.uint8)).resize(size, Image.Resampling.BOX)
    small = Image.fromarray(inside.astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR)
    pixels = np.repeat(np.asarray(grey)[..., None], 3, axis=2)
    covered = np.asarray(small) > 127
    pixels[covered & ~ndimage.binary_erosion(covered)] = BORDER
    return _bytes(Image.fromarray(pixels))


def _bytes(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
