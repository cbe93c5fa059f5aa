"""Count lesions that a predicted mask touches, and its components that touch none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core import GridError, label_components


@dataclass(frozen=True)
class LesionCounts:
    """Counts of the components of a true and of a predicted mask.

    Args:
        lesions: components of the true mask.
        touched: lesions that share a voxel with the predicted mask.
        components: components of the predicted mask.
        false_components: components of the predicted mask that share no voxel with the true mask.
    """

    lesions: int
    touched: int
    components: int
    false_components: int


def count_lesions(truth: NDArray, found: NDArray) -> LesionCounts:
    """Count lesions that a mask touches; voxels that share a face, an edge or a corner are connected.

    Args:
        truth: true mask; voxels above 0 are foreground.
        found: predicted mask of the same shape, 2D or 3D.

    Returns:
        The counts; 0 for empty masks.

    Raises:
        GridError: arrays of different shapes.
    """
    if truth.shape != found.shape:
        raise GridError(f"truth has shape {truth.shape}, found {found.shape}; both must lie on one grid")
    lesions, touched = _components_touching(truth > 0, found > 0)
    components, right = _components_touching(found > 0, truth > 0)
    return LesionCounts(lesions, touched, components, components - right)


def _components_touching(mask: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the number of components of ``mask``, and of those that share a voxel with ``other``."""
    labels, count = label_components(mask)
    return count, int(np.count_nonzero(np.unique(labels[other])))
