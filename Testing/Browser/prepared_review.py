"""A review that was run already, of findings made without a network: python3 prepared_review.py VOLUME DIR"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from CAMLocalizerLib.core import ActivationMap, ActivationPyramid, Volume
from CAMLocalizerLib.io import read_volume
from CAMLocalizerLib.localizer import Localization
from CAMLocalizerLib.models import ModelCard
from CAMLocalizerLib.mrml import store_review
from CAMLocalizerLib.review.app import ReviewApp
from CAMLocalizerLib.review.review_options import ReviewOptions
from CAMLocalizerLib.review.serve import serve
from CAMLocalizerLib.views import extend_to_border, slice_stack
from CAMLocalizerLib.workbench import Review
from CAMLocalizerLib.workbench.review.saving import review_to_state

PIXELS = 128
STRIDES = {1: 1, 2: 2, 3: 4, 4: 8}
SPOTS = ((0.45, 0.40, 0.62, 1.0), (0.60, 0.62, 0.40, 0.8))  # place in the volume (k, j, i), and height
WIDTH = 0.12


def findings(volume: Volume) -> Localization:
    """Two spots with noise around them, seen at four scales."""
    rng = np.random.default_rng(0)
    extent_mm = max(size * spacing for size, spacing in zip(volume.grid.size, volume.grid.spacing_mm, strict=True))
    card = ModelCard(
        name="prepared",
        version="0",
        network="dcfpn",
        modality="noise",
        spacing_mm=extent_mm / PIXELS,
        size=(PIXELS, PIXELS),
        normalisation="zscore",
        classes=("none", "tumour"),
        tumour_classes=("tumour",),
        scales=tuple(STRIDES),
        threshold="0.5",
        map_normalisation="volume",
        sha256="00" * 32,
    )
    stack = slice_stack(volume, "axial", spacing_mm=card.spacing_mm, size=card.size)
    maps = []
    for scale, stride in STRIDES.items():
        array = spots((len(stack), PIXELS // stride, PIXELS // stride), rng)
        cells, grid = extend_to_border(stack, array, stride)
        maps.append(ActivationMap(scale, cells, grid))
    tumour = np.clip(1.5 - 2.5 * np.abs(np.linspace(-1, 1, len(stack), dtype=np.float32)), 0.02, 0.98)
    pyramid = ActivationPyramid(
        maps=tuple(maps),
        probabilities=np.stack([1 - tumour, tumour], axis=1),
        classes=card.classes,
        targets=np.ones(len(stack), np.int64),
        tumour_classes=card.tumour_classes,
        view="axial",
        source_grid=volume.grid,
    )
    return Localization(volume, pyramid, card, "axial")


def spots(shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Maps with two spots."""
    places = [axis / size for axis, size in zip(np.indices(shape, sparse=True), shape, strict=True)]
    array = np.zeros(shape)
    for *centre, height in SPOTS:
        squares = sum((axis - place) ** 2 for axis, place in zip(places, centre, strict=True))
        array += height * np.exp(-squares / WIDTH**2)
    return (array + 0.1 * rng.random(shape) * array).astype(np.float32)


def prepare(app: ReviewApp) -> None:
    """Put the findings where a saved review lies, and take it up again."""
    context = app.context
    node = context.workbench.volume_node
    store_review(context.app.scene, node, *review_to_state(Review(findings(read_volume(sys.argv[1])))))
    assert context.workbench.restore(), context.workbench.status
    context.refresh()


if __name__ == "__main__":
    options = ReviewOptions(Path(sys.argv[1]), Path(sys.argv[2]), browser=False)
    serve(options, options.open_volume(), lambda address: print(address, flush=True), prepare=prepare)
