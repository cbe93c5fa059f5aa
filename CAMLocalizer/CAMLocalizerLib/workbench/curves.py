"""LevelCounts: how many voxels an activation has at each level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core import SettingsError

LEVELS = 256


@dataclass(frozen=True, eq=False)
class LevelCounts:
    """Numbers of voxels above 0 in 256 even steps of the activation; those of 1 are counted by themselves.

    Args:
        counts: shape (257,); the n-th counts activations from n / 256 to (n + 1) / 256, the last one those of 1.
    """

    counts: NDArray[np.int64]

    @classmethod
    def of(cls, activation: NDArray[np.float32]) -> LevelCounts:
        """Count the voxels of an activation in 0..1."""
        positive = activation[activation > 0]
        levels = (positive * np.float32(LEVELS)).astype(np.uint16)  # exact: a power of two only moves the exponent
        return cls(np.bincount(levels, minlength=LEVELS + 1).astype(np.int64))

    def histogram(self, bins: int) -> NDArray[np.int64]:
        """Sum the steps into fewer, even ones; an activation of 1 counts in the last.

        Raises:
            SettingsError: a number of bins that does not divide 256.
        """
        if bins < 1 or LEVELS % bins:
            raise SettingsError(f"number of bins must divide {LEVELS}, got {bins}")
        counts = self.counts[:LEVELS].reshape(bins, -1).sum(axis=1)  # (bins,)
        counts[-1] += self.counts[LEVELS]
        return counts

    def curve(self, voxel_volume: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the levels 0, 1/256, ..., 1 and the volume of the voxels at or above each, shape (257,) both."""
        return np.arange(LEVELS + 1) / LEVELS, self.counts[::-1].cumsum()[::-1] * voxel_volume
