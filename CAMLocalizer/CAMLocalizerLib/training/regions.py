"""Candidate regions: what in a slice could be a tumour by brightness, shape and place, before anything is learned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import disk

BRIGHT_QUANTILES = (*np.linspace(0.40, 0.90, 11), *np.linspace(0.92, 0.995, 10))
DARK_QUANTILES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
OPENING_RADII = (0, 1, 2, 3)
SMALLEST, LARGEST = 12, 1700  # pixels of 1.96 mm: 0.5 to 65 square centimetres
LONGEST_SIDE = 56
LEAST_FILLING = 0.38
MOST_ELONGATED = 3.2
LEAST_DEPTH = 3.5
SAME_REGION_IOU = 0.8
RING_RADII = (1, 3)

BRAIN_BRIGHTNESS = (0.62, 1.42)  # of the median deep inside the head
MIRROR_BLUR = 1.5

_DISCS = {radius: ndimage.iterate_structure(ndimage.generate_binary_structure(2, 1), radius) for radius in (1, 2, 3)}


@dataclass(frozen=True)
class Region:
    """One candidate: a filled connected component between two brightness levels of a slice.

    Args:
        window: rows and columns of its bounding box.
        mask: pixels inside the box, bool.
        area: number of pixels.
        bright: True for a component above a level, False for one below.
        contrast: mean difference to a ring around it, over the ring's standard deviation plus 0.3; signed.
        roundness: area over that of a disc with the same perimeter, 0 to 1.
        head_depth, brain_depth: mean distance of its pixels to the outline of head and brain, in pixels.
        inside_brain: share of its pixels inside the brain, 0 to 1.
        asymmetry: mean difference to the mirrored side, absolute, in units of the normalised slice.
        place: row and column of its centre in the head's bounding box, 0 to 1.
    """

    window: tuple[slice, slice]
    mask: NDArray[np.bool_]
    area: int
    bright: bool
    contrast: float = 0.0
    roundness: float = 0.0
    head_depth: float = 0.0
    brain_depth: float = 0.0
    inside_brain: float = 0.0
    asymmetry: float = 0.0
    place: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class _Anatomy:
    """What a slice's regions are measured against; every array has the slice's shape."""

    image: NDArray[np.float32]
    head: NDArray[np.bool_]
    head_depth: NDArray[np.float64]
    brain: NDArray[np.bool_]
    brain_depth: NDArray[np.float64]
    mirror_difference: NDArray[np.float32]
    box: tuple[slice, slice]


def head_mask(image: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Fill the outline of the head: the largest object above a quarter of the foreground's brightness."""
    level = image.min() + 0.25 * (image[image > image.mean()].mean() - image.min())
    mask = np.pad(ndimage.gaussian_filter(image, 1) > level, 12)
    mask = ndimage.binary_closing(mask, _DISCS[3], iterations=3)[12:-12, 12:-12]
    return _largest(ndimage.binary_fill_holes(mask))


def brain_mask(image: NDArray[np.float32], head: NDArray[np.bool_], depth: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Outline the brain roughly: the largest piece of brain-like brightness inside the head, smoothed and filled.

    Args:
        image: one normalised slice, shape (height, width), about 2 mm pixels.
        head: :func:`head_mask` of it.
        depth: distance to the head's outline in pixels.
    """
    above = ndimage.gaussian_filter(image, 0.7) - image.min()
    deep = head & (depth > 12)
    typical = np.median(above[deep if deep.sum() > 50 else head])
    low, high = BRAIN_BRIGHTNESS
    alike = (above > low * typical) & (above < high * typical) & (depth > 2.5)
    core = _largest(ndimage.binary_opening(alike, disk(3)))
    if not core.any():
        return head & (depth > 5)
    grown = core | (ndimage.binary_dilation(core, disk(2)) & alike)
    closed = ndimage.binary_fill_holes(ndimage.binary_closing(np.pad(grown, 16), disk(9)))[16:-16, 16:-16]
    return _largest(ndimage.binary_opening(closed & head, disk(5)))


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = ndimage.label(mask)
    return labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]) if count else mask


def propose_regions(image: NDArray[np.float32]) -> list[Region]:
    """Find compact components inside the head at many brightness levels, largest first, near-copies left out.

    Args:
        image: one normalised slice, float32, shape (height, width), about 2 mm pixels.

    Returns:
        Measured candidates; empty where there is no head.
    """
    head = head_mask(image)
    if head.sum() < 500:
        return []
    anatomy = _anatomy(image, head)
    smooth = ndimage.gaussian_filter(image, 0.7)
    found = sorted(_components(smooth, head, anatomy.head_depth), key=lambda region: -region.area)
    kept: list[Region] = []
    for region in found:
        of_like_area = takewhile(lambda other: region.area >= SAME_REGION_IOU * other.area, reversed(kept))  # noqa: B023
        if not any(_same(region, other) for other in of_like_area):
            kept.append(region)
    return [_measured(region, anatomy) for region in kept]


def _anatomy(image: NDArray[np.float32], head: NDArray[np.bool_]) -> _Anatomy:
    # The neck runs out of the picture: its cut is no outline, hence the padding by repetition.
    depth = ndimage.distance_transform_edt(np.pad(head, 20, mode="edge"))[20:-20, 20:-20]
    brain = brain_mask(image, head, depth)
    columns = np.flatnonzero((brain if brain.any() else head).any(axis=0))
    blurred = ndimage.gaussian_filter(image, MIRROR_BLUR)
    mirrored = np.roll(blurred[:, ::-1], int(columns[0] + columns[-1]) - (image.shape[1] - 1), axis=1)
    box = ndimage.find_objects(head.astype(np.uint8))[0]
    return _Anatomy(image, head, depth, brain, ndimage.distance_transform_edt(brain), blurred - mirrored, box)


def _components(image: NDArray, head: NDArray, depth: NDArray) -> Iterator[Region]:
    for mask, bright in _level_sets(image, head, depth):
        labels, _ = ndimage.label(mask)
        for index, window in enumerate(ndimage.find_objects(labels), 1):
            height, width = (side.stop - side.start for side in window)
            if min(height, width) < 3 or max(height, width) > min(LONGEST_SIDE, MOST_ELONGATED * min(height, width)):
                continue
            component = ndimage.binary_fill_holes(labels[window] == index)
            area = int(component.sum())
            compact = max(SMALLEST, LEAST_FILLING * height * width) <= area <= LARGEST
            if compact and depth[window][component].mean() >= LEAST_DEPTH:
                yield Region(window, component, area, bright)


def _level_sets(image: NDArray, head: NDArray, depth: NDArray) -> Iterator[tuple[NDArray, bool]]:
    for level in np.quantile(image[head], BRIGHT_QUANTILES):
        above = (image > level) & head
        for radius in OPENING_RADII:
            yield (ndimage.binary_opening(above, _DISCS[radius]) if radius else above), True
    inner = head & (depth > 5)
    if not inner.any():
        return
    for level in np.quantile(image[inner], DARK_QUANTILES):
        below = (image < level) & head & (depth > 4)
        for radius in OPENING_RADII[1:]:
            yield ndimage.binary_opening(below, _DISCS[radius]), False


def _same(region: Region, other: Region) -> bool:
    if region.bright != other.bright:
        return False
    corners = [(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(region.window, other.window, strict=True)]
    height, width = (stop - start for start, stop in corners)
    if height <= 0 or width <= 0 or height * width < SAME_REGION_IOU * region.area:
        return False
    views = []
    for entry in (region, other):
        offsets = [side.start for side in entry.window]
        rows, columns = (slice(lo - off, hi - off) for (lo, hi), off in zip(corners, offsets, strict=True))
        views.append(entry.mask[rows, columns])
    shared = int((views[0] & views[1]).sum())
    return shared > SAME_REGION_IOU * (region.area + other.area - shared)


def _measured(region: Region, anatomy: _Anatomy) -> Region:
    inside = region.mask
    centre = ndimage.center_of_mass(inside)
    place = [
        (offset + side.start - box.start) / (box.stop - box.start)
        for offset, side, box in zip(centre, region.window, anatomy.box, strict=True)
    ]
    perimeter = region.area - ndimage.binary_erosion(np.pad(inside, 1)).sum()
    return replace(
        region,
        contrast=_contrast(region, anatomy),
        roundness=min(1.0, 4 * np.pi * region.area / max(1, perimeter) ** 2),
        head_depth=float(anatomy.head_depth[region.window][inside].mean()),
        brain_depth=float(anatomy.brain_depth[region.window][inside].mean()),
        inside_brain=float(anatomy.brain[region.window][inside].mean()),
        asymmetry=abs(float(anatomy.mirror_difference[region.window][inside].mean())),
        place=(float(place[0]), float(place[1])),
    )


def _contrast(region: Region, anatomy: _Anatomy) -> float:
    margin = RING_RADII[1] + 1
    window = tuple(
        slice(max(0, side.start - margin), min(length, side.stop + margin))
        for side, length in zip(region.window, anatomy.image.shape, strict=True)
    )
    inside = np.zeros(tuple(side.stop - side.start for side in window), dtype=bool)
    inner = tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(region.window, window, strict=True))
    inside[inner] = region.mask
    near, far = (ndimage.binary_dilation(inside, _DISCS[radius]) for radius in RING_RADII)
    pixels = anatomy.image[window]
    ring = pixels[far & ~near & anatomy.head[window]]
    return float((pixels[inside].mean() - ring.mean()) / (ring.std() + 0.3)) if ring.size > 5 else 0.0
