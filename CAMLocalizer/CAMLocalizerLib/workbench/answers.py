"""What settings make of findings, quickly enough for a moving hand."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..core import LabelMap
from ..localizer import Findings, LabelSettings, Localization
from ..segment import ActivationLevels, LiveSlices, Regions, refine


class Answers(Protocol):
    """Activation and regions of one volume under quickly changing settings."""

    def fuse(self, settings: LabelSettings) -> NDArray[np.float32]:
        """Fuse the maps; the array may be filled anew at the next call."""
        ...

    @property
    def levels(self) -> ActivationLevels:
        """How many voxels the activation that was fused last has at each level."""
        ...

    def regions(self, settings: LabelSettings, *, rough: bool) -> Regions:
        """Find the regions of the label map of the activation that was fused last; unrefined if ``rough``."""
        ...


def answers_for(found: Findings) -> Answers:
    """Return the quickest way there is for a kind of findings."""
    return SliceAnswers(found) if isinstance(found, Localization) else PlainAnswers(found)


class PlainAnswers:
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

    def regions(self, settings: LabelSettings, *, rough: bool) -> Regions:
        """Find the regions of the label map; unrefined if ``rough``."""
        wanted = settings.changed(refinement="none") if rough else settings
        label_map = self._found.label_map(wanted)
        return Regions.of(label_map.array_kji, label_map.grid, self._activation)


class SliceAnswers:
    """The same numbers for slices, with all scales kept on the volume's grid."""

    def __init__(self, found: Localization) -> None:
        self._volume = found.volume
        self._live = LiveSlices(found.pyramid, reference=found.card.map_levels)

    @property
    def levels(self) -> ActivationLevels:
        """How many voxels the activation that was fused last has at each level."""
        return self._live.levels

    def fuse(self, settings: LabelSettings) -> NDArray[np.float32]:
        """Fuse the maps into a buffer that the next call fills anew."""
        return self._live.fuse(**settings.fusing())

    def regions(self, settings: LabelSettings, *, rough: bool) -> Regions:
        """Find the regions of the label map; unrefined if ``rough``."""
        regions = self._live.regions(
            settings.threshold,
            min_volume_ml=settings.min_volume_ml,
            keep_largest=settings.keep_largest,
            min_share=settings.min_share,
            min_extent_mm=settings.min_extent_mm,
        )
        return regions if rough or settings.refinement == "none" else self._refined(regions, settings)

    def _refined(self, regions: Regions, settings: LabelSettings) -> Regions:
        """Draw the border to the image's edges; regions are chosen before it and once more after it."""
        mask = np.zeros(self._volume.grid.shape_kji, dtype=np.uint8)
        regions.write(mask, range(1, len(regions) + 1))
        drawn = refine(self._live.activation, LabelMap(mask, regions.grid), self._volume, settings.refinement)
        refined = Regions.of(drawn.array_kji, regions.grid, self._live.activation)
        return refined.large_enough(
            settings.min_volume_ml,
            settings.keep_largest,
            min_share=settings.min_share,
            min_extent_mm=settings.min_extent_mm,
            slice_axis=self._live.slice_axis,
        )
