"""Where each image differs from its other half and from other patients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..fit.appearance import FOREGROUND
from ..images import ImageSet
from .anomaly import UNSYMMETRIC_PLANE, anomaly_maps
from .asymmetry import asymmetry
from .components import foreground
from .encoded import FrozenEncoder
from .prominence import joint_map, prominent_region

PIXELS_PER_CELL = 2  # of a pseudo-mask
ASYMMETRY_WEIGHT = ANOMALY_WEIGHT = 0.5  # beside evidence or map


class Surroundings:
    """Images at the resolution of pseudo-masks, and the regions that are most likely tumour.

    Args:
        encoder: see `anomaly_maps`.
        images: all training images.
        tumours: indices of the tumour classes.
        symmetric, compare_patients: see `LocalisationOptions`.
    """

    def __init__(
        self,
        encoder: FrozenEncoder,
        images: ImageSet,
        tumours: Sequence[int],
        *,
        symmetric: bool = False,
        compare_patients: bool = False,
    ) -> None:
        self.images = images
        self.side = images.images.shape[2] // PIXELS_PER_CELL, images.images.shape[3] // PIXELS_PER_CELL
        self._symmetric, self._anomaly = symmetric, None
        if compare_patients:
            wanted = np.isin(images.labels, list(tumours))
            self._anomaly = torch.from_numpy(anomaly_maps(encoder, images, wanted, symmetric=symmetric))

    def image(self, index: int) -> NDArray[np.float32]:
        """Return an image at the resolution of pseudo-masks."""
        image = self.images.images[index, 0]
        height, width = self.side
        means: NDArray[np.float32] = image.reshape(height, PIXELS_PER_CELL, width, PIXELS_PER_CELL).mean(axis=(1, 3))
        return means

    def body(self, index: int) -> NDArray[np.bool_]:
        """Return the foreground of an image at that resolution."""
        return foreground(self.image(index), FOREGROUND)

    def symmetric(self, index: int) -> bool:
        """Return whether the organ is symmetric in the plane of an image; unknown planes are taken not to be."""
        planes = self.images.planes
        return self._symmetric and planes is not None and bool(planes[index] != UNSYMMETRIC_PLANE)

    def region(self, index: int, values: NDArray[np.float32]) -> tuple[NDArray[np.uint8], float]:
        """Find the region of an image in which a map, asymmetry and anomaly together are highest.

        Args:
            index: of the image.
            values: the map, shape (h, w).

        Returns:
            See `prominent_region`.
        """
        body = self.body(index)
        weighted = [(1.0, values)]
        if self._anomaly is not None:
            weighted.append((ANOMALY_WEIGHT, spread(self._anomaly[index], self.side, evened=False)))
        if self.symmetric(index):
            weighted.append((ASYMMETRY_WEIGHT, asymmetry(self.image(index), body)))
        return prominent_region(joint_map(weighted, body), body)


def spread(cells: Tensor, side: tuple[int, int], *, evened: bool = True) -> NDArray[np.float32]:
    """Interpolate a map (h, w) of the encoder to the masks' resolution.

    Cells of the encoder see half a cell further down and right than where they are stored. Averaging with the mirror
    image has ``evened`` that out for the columns; otherwise both rows and columns are moved by half a cell.
    """
    fine = functional.interpolate(cells[None, None], size=side, mode="bilinear")[0, 0].numpy()
    down, right = side[0] // cells.shape[0] // 2, 0 if evened else side[1] // cells.shape[1] // 2
    return np.pad(fine, ((down, 0), (right, 0)), mode="edge")[: side[0], : side[1]]
