"""The maps of single scales as pictures: where each scale of the network looked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...localizer import Findings, Localization, ProjectionLocalization


def raw_maps(found: Findings, scale: int) -> NDArray[np.float32]:
    """Return the maps of one scale, read-only, shape (images, rows, columns), images in the view's order."""
    if isinstance(found, ProjectionLocalization):
        maps = found.maps[scale].view()
        maps.setflags(write=False)
        return maps
    assert isinstance(found, Localization)
    return found.pyramid.select([scale])[0].array_kji


def strongest_images(found: Findings) -> dict[int, NDArray[np.float32]]:
    """Return of each scale the map of the image that shows the strongest evidence, the same for all scales.

    Returns:
        Scale to a float32 array (rows, columns) in 0..1: 1 is the scale's maximum over all images.
    """
    maps = {scale: raw_maps(found, scale) for scale in found.scales}
    image = strongest_image(found)
    highest = {scale: float(values.max()) for scale, values in maps.items()}
    return {scale: values[image] / np.float32(highest[scale] or 1.0) for scale, values in maps.items()}


def strongest_image(found: Findings) -> int:
    """Return the index of the image with the strongest evidence: maps of all scales, times the tumour probability."""
    evidence = np.zeros(len(found.tumour_probabilities))
    for scale in found.scales:
        values = raw_maps(found, scale).max(axis=(1, 2))
        evidence += values / (values.max() or 1.0)
    return int((evidence * found.tumour_probabilities).argmax())
