"""What settings make of findings, quickly enough for a moving hand."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..core import LabelMap
from ..localizer import Findings, LabelSettings, Localization
from ..segment import apply_threshold, refine
from ..segment.regions import Regions


class Answers(Protocol):
    """Activation and regions of one volume under quickly changing settings."""

    def activation(self, settings: LabelSettings) -> NDArray[np.float32]:
        """Fuse the maps; the array may be filled anew at the next call."""
        ...

    def regions(self, settings: LabelSettings, activation: NDArray[np.float32], *, rough: bool) -> Regions:
        """Find the regions of the label map; without its refinement if ``rough``."""
        ...


def answers_for(found: Findings) -> Answers:
    """Return the quickest way there is for a kind of findings."""
    return SliceAnswers(found) if isinstance(found, Localization) else PlainAnswers(found)


class PlainAnswers:
    """The library's own way, for every kind of findings."""

    def __init__(self, found: Findings) -> None:
        self._found = found

    def activation(self, settings: LabelSettings) -> NDArray[np.float32]:
        """Fuse the maps."""
        return settings.activation(self._found)

    def regions(self, settings: LabelSettings, activation: NDArray[np.float32], *, rough: bool) -> Regions:
        """Find the regions of the label map; without its refinement if ``rough``."""
        wanted = settings.changed(refinement="none") if rough else settings
        label_map = wanted.label_map(self._found)
        return Regions.of(label_map.array_kji, label_map.grid, activation)


class SliceAnswers:
    """The same for slices, without computing anything twice."""

    def __init__(self, found: Localization) -> None:
        self._found = found

    def activation(self, settings: LabelSettings) -> NDArray[np.float32]:
        """Fuse the maps."""
        return settings.activation(self._found)

    def regions(self, settings: LabelSettings, activation: NDArray[np.float32], *, rough: bool) -> Regions:
        """Find the regions of the label map; without its refinement if ``rough``."""
        grid = self._found.volume.grid
        mask = apply_threshold(activation, settings.threshold)
        found = Regions.of(mask, grid, activation).large_enough(settings.min_volume_ml, settings.keep_largest)
        if rough or settings.refinement == "none":
            return found
        found.write(mask, range(1, len(found) + 1))
        drawn = refine(activation, LabelMap(mask.view(np.uint8), grid), self._found.volume, settings.refinement)
        refined = Regions.of(drawn.array_kji, grid, activation)
        return refined.large_enough(settings.min_volume_ml, settings.keep_largest)
