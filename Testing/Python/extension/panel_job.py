"""A job that needs no network: two bright spots in whatever volume it is given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from CAMLocalizerLib.core import ActivationMap, ActivationPyramid, Volume
from CAMLocalizerLib.jobs import JobProgress
from CAMLocalizerLib.localizer import Localization, ProjectionLocalization
from CAMLocalizerLib.models import ModelCard
from CAMLocalizerLib.models.search import find_bundle
from CAMLocalizerLib.views import ProjectionPair


def spots(shape: tuple[int, ...], *, coarse: bool) -> np.ndarray:
    """Return a large spot of 1 and, in the finer map, a small one of 0.8."""
    array = np.zeros(shape, np.float32)
    array[1:4, 5:12, 6:15] = 0.45
    array[2, 7:10, 8:12] = 1.0
    if not coarse:
        array[3, 15:18, 18:22] = 0.8
    return array


def seen_in(volume: Volume) -> Localization:
    """Return what a model of two scales would see, slice by slice."""
    card = ModelCard.read(find_bundle("brain-t1ce") / "model.json")
    card = replace(card, threshold="0.5", map_normalisation="volume", map_levels={}, min_share=0.0, refinement="none")
    slices = volume.grid.shape_kji[0]
    pyramid = ActivationPyramid(
        maps=tuple(ActivationMap(s, spots(volume.grid.shape_kji, coarse=s == 2), volume.grid) for s in (1, 2)),
        probabilities=np.tile(np.array([[0.1, 0.9, 0, 0]], np.float32), (slices, 1)),
        classes=card.classes,
        targets=np.ones(slices, np.int64),
        tumour_classes=card.tumour_classes,
        view="axial",
        source_grid=volume.grid,
    )
    return Localization(volume, pyramid, card, "axial")


def projected(volume: Volume) -> ProjectionLocalization:
    """Return what a model of projections would see in a volume of uptake: the projections themselves."""
    card = ModelCard.read(find_bundle("pet-fdg") / "model.json")
    pair = ProjectionPair(volume, spacing_mm=volume.grid.spacing_mm[0], size=(16, 16))
    probabilities = np.array([[0.1, 0.8, 0.1], [0.2, 0.7, 0.1]], np.float32)[:, : len(card.classes)]
    return ProjectionLocalization(pair, {1: pair.images}, {1: 1}, probabilities, card)


class SpotsJob:
    """Takes the place of a LocalizationJob; every poll is one state further."""

    states: ClassVar[list[JobProgress]] = []
    last: ClassVar[SpotsJob | None] = None

    def __init__(self, volume: Volume, request: Any, *, launcher: Any = None) -> None:
        self.volume, self.request, self.launcher = volume, request, launcher
        self.cancelled = False
        self.left = list(type(self).states)
        type(self).last = self

    def start(self) -> None:
        """Nothing has to be started."""

    def poll(self) -> JobProgress:
        """Return the next state."""
        return self.left.pop(0)

    def wait(self, progress: Any = None) -> Localization | ProjectionLocalization:
        """Go through the states."""
        while (step := self.poll()).state != "done":
            progress(step)
        return self.result()

    def cancel(self) -> None:
        """Remember that the job was cancelled."""
        self.cancelled = True

    def result(self) -> Localization | ProjectionLocalization:
        """Return the spots, or for a model of projections the projections."""
        return projected(self.volume) if self.request.model == "pet-fdg" else seen_in(self.volume)
