"""How deep voxels lie within a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def depths(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the distance of each voxel of a mask to the nearest one outside it, in voxels; 0 outside.

    What lies beyond the array does not count as outside. Only the box around the mask is examined.

    Args:
        mask: any shape.
    """
    from scipy import ndimage  # only here: it takes long to import

    found = np.zeros(mask.shape)
    boxes = ndimage.find_objects(mask.view(np.uint8))
    if not boxes:
        return found
    box = tuple(slice(max(0, line.start - 1), line.stop + 1) for line in boxes[0])
    found[box] = ndimage.distance_transform_edt(mask[box])
    return found
