"""Differences between the two sides of a symmetric organ, such as the brain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

ANGLES_DEG = range(-15, 16, 3)
SHIFTS = range(-4, 5)  # of the axis, in cells of the coarse search
COARSE = 2
SMOOTHING, TOLERANCE, BLUR = 2.0, 5, 1.5  # in cells
DARK_WEIGHT = 1.5  # of what is darker than the other side
DARKEST, BRIGHTEST = 0.5, 2.5  # relative to the median: air, bone and fat differ between sides and mean nothing
RIM_SHARE = 0.11  # of the square root of the area


def asymmetry(image: NDArray[np.float32], body: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Compare each side of an organ with the other one.

    The axis is that of the rotation and shift by which the image resembles its mirror image most. A cell is as
    asymmetric as it is brighter than the brightest, or darker than the darkest, of the cells around its mirror image;
    the outer rim of the organ does not count.

    Args:
        image: brightness, shape (h, w); left and right are columns.
        body: the organ, shape (h, w).

    Returns:
        At least 0, shape (h, w); zero everywhere without an organ.
    """
    organ = ndimage.binary_fill_holes(body)
    if not organ.any():
        return np.zeros_like(image)
    median = float(np.median(image[body]))
    smooth = ndimage.gaussian_filter(np.clip(image, DARKEST * median, BRIGHTEST * median), SMOOTHING)
    angle, middle = _axis(smooth[::COARSE, ::COARSE], organ[::COARSE, ::COARSE])
    turned = ndimage.rotate(smooth, angle, reshape=False, order=1)
    inside = ndimage.rotate(organ.astype(np.float32), angle, reshape=False, order=1) > 0.5
    other = _mirrored(turned, COARSE * middle + (COARSE - 1) / 2)
    brighter = np.maximum(turned - ndimage.maximum_filter(other, TOLERANCE), 0)
    darker = np.maximum(ndimage.minimum_filter(other, TOLERANCE) - turned, 0)
    rim = max(2, int(RIM_SHARE * np.sqrt(np.count_nonzero(inside))))
    differing = (brighter + DARK_WEIGHT * darker) * ndimage.binary_erosion(inside, iterations=rim)
    blurred = ndimage.gaussian_filter(differing, BLUR)
    back: NDArray[np.float32] = np.maximum(ndimage.rotate(blurred, -angle, reshape=False, order=1), 0)
    return back.astype(np.float32)


def _axis(image: NDArray[np.float32], organ: NDArray[np.bool_]) -> tuple[float, float]:
    """Find the rotation in degrees and the column of the axis that make an image most like its mirror image."""
    best = (np.inf, 0.0, (image.shape[1] - 1) / 2)
    for angle in ANGLES_DEG:
        turned = ndimage.rotate(image, angle, reshape=False, order=1)
        inside = ndimage.rotate(organ.astype(np.float32), angle, reshape=False, order=1) > 0.5
        columns = np.flatnonzero(inside.any(axis=0))
        if not columns.size:
            continue
        for shift in SHIFTS:
            middle = (columns[0] + columns[-1] + shift) / 2
            difference = float(np.abs(turned - _mirrored(turned, middle))[inside].mean())
            best = min(best, (difference, float(angle), middle))
    return best[1], best[2]


def _mirrored(image: NDArray[np.float32], middle: float) -> NDArray[np.float32]:
    """Mirror the columns about the column ``middle``, to the nearest half column."""
    shift = round(2 * middle) - (image.shape[1] - 1)
    return np.roll(image[:, ::-1], shift, axis=1)
