"""Connectivity: which voxels of a mask belong to one component."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = np.ones((3, 3, 3), dtype=bool)  # voxels that share a face, an edge or a corner are connected


def label_components(mask: NDArray, *, faces_only: bool = False) -> tuple[NDArray[np.int32], int]:
    """Number the connected components of a mask.

    Args:
        mask: any number of axes; everything that is not zero belongs.
        faces_only: connect only voxels that share a face, not those that share an edge or a corner.

    Returns:
        Number of the component of each element, from 1 in storage order of their first elements, 0 for background,
        the shape of ``mask``; and the number of components.
    """
    from scipy import ndimage  # only here: it takes long to import

    structure = ndimage.generate_binary_structure(mask.ndim, 1 if faces_only else mask.ndim)
    labels, count = ndimage.label(mask, structure)
    return labels, int(count)
