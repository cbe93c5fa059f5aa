"""MaskEngine: from settings to activation and components, quickly enough to update live."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...localizer import Findings, LabelSettings, Localization
from ...segment import ActivationLevels, ComponentSet
from .slice_mask_engine import SliceMaskEngine


class MaskEngine(Protocol):
    """Activation and components of one volume under quickly changing settings."""

    def fuse(self, settings: LabelSettings) -> NDArray[np.float32]:
        """Fuse the maps; the array may be filled anew at the next call."""
        ...

    @property
    def levels(self) -> ActivationLevels:
        """How many voxels the activation that was fused last has at each level."""
        ...

    def component_set(self, settings: LabelSettings, *, rough: bool) -> ComponentSet:
        """Find the components of the label map of the activation that was fused last; unrefined if ``rough``."""
        ...


def mask_engine(found: Findings) -> MaskEngine:
    """Return the quickest way there is for a kind of findings."""
    return SliceMaskEngine(found) if isinstance(found, Localization) else PlainMaskEngine(found)


class PlainMaskEngine:
    """The library's own way, for every kind of findings."""

    def __init__(self, found: Findings) -> None:
        self._found = found
        self._activation = np.zeros(found.volume.grid.shape_kji, dtype=np.float32)
        self._levels = ActivationLevels(self._activation)

    @property
    def levels(self) -> ActivationLevels:
        """How many voxels the activation that was fused last has at each level."""
        return self._levels

    def fuse(self, settings: LabelSettings) -> NDArray[np.float32]:
        """Fuse the maps."""
        self._activation = self._found.activation(settings)
        self._levels = ActivationLevels(self._activation)
        return self._activation

    def component_set(self, settings: LabelSettings, *, rough: bool) -> ComponentSet:
        """Find the components of the label map; unrefined if ``rough``."""
        wanted = settings.changed(refinement="none") if rough else settings
        label_map = self._found.label_map(wanted)
        return ComponentSet.of(label_map.array_kji, label_map.grid, self._activation)
