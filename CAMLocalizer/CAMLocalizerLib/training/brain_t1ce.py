"""The recipe of the bundled model `brain-t1ce`."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ..models import ModelCard, save_model
from .brain_data import CLASSES, FIGSHARE, NORMALISATION, PROGRESSION, SIZE, SPACING_MM, TUMOUR_CLASSES
from .levels import map_levels
from .regions import Region, propose_regions
from .self_training import Recipe, SelfTraining
from .slices import SliceSet

logger = logging.getLogger("CAMLocalizerLib")

# Each batch has as many slices of every kind: tumour-free ones are scarce and of one site, so that site also gives
# tumours, and no class is rarer than another. Both keep the network from reading the site instead of the tumour.
SHARES = {
    (PROGRESSION, 0): 0.30,
    (PROGRESSION, 2): 0.12,
    (FIGSHARE, 1): 0.19,
    (FIGSHARE, 2): 0.20,
    (FIGSHARE, 3): 0.19,
}
RECIPE = Recipe(channels=(16, 32, 64, 128), rounds=(4, 6), shares=SHARES)


def candidate_regions(slices: SliceSet) -> list[list[Region]]:
    """Find the candidate regions of every tumour slice, on all processors; none for tumour-free slices."""
    found: list[list[Region]] = [[] for _ in range(len(slices))]
    chosen = np.flatnonzero(slices.labels)
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        for index, regions in zip(chosen, pool.imap(propose_regions, slices.images[chosen], chunksize=16), strict=True):
            found[index] = regions
    return found


def train(
    slices: SliceSet,
    regions: Sequence[Sequence[Region]],
    held_out: Collection[int],
    folder: Path,
    recipe: Recipe = RECIPE,
    report: Callable[[str], None] = logger.info,
) -> None:
    """Train on all folds but ``held_out`` and write the bundle ``folder``.

    Args:
        slices: both collections.
        regions: candidates of every slice.
        held_out: folds of the patients that the network must not see; none for the model that ships.
        folder: where the bundle goes; its name is the model's.
        recipe: how to train.
        report: takes a line per epoch.
    """
    used = ~np.isin(slices.folds, list(held_out))
    chosen = [regions[index] for index in np.flatnonzero(used).tolist()]
    run = SelfTraining(slices.where(used), chosen, recipe)
    network = run.run(report)
    levels = map_levels(network, run.slices)
    save_model(folder, replace(model_card(folder.name, recipe), map_levels=levels), network)


def model_card(name: str, recipe: Recipe = RECIPE) -> ModelCard:
    """Describe a network of this recipe, without measured results."""
    return ModelCard(
        name=name,
        version="1.0.0",
        network="dcfpn",
        network_settings={"classes": len(CLASSES), "channels": list(recipe.channels)},
        modality="MR, T1-weighted after gadolinium",
        spacing_mm=SPACING_MM,
        size=SIZE,
        normalisation=NORMALISATION,
        classes=CLASSES,
        tumour_classes=TUMOUR_CLASSES,
        target="any",
        scales=(1, 2),
        threshold="0.5",
        map_normalisation="volume",
        probability_limit=0.5,
        training_data=(
            "figshare brain tumor dataset (Cheng et al., PLoS ONE 10(10):e0140381, 2015; "
            "doi:10.6084/m9.figshare.1512427), slices and tumour types; TCIA Brain-Tumor-Progression "
            "(Schmainda and Prah 2018; doi:10.7937/K9/TCIA.2018.15quzvnb), one label per slice (tumour or none). "
            "No mask, box or point was read."
        ),
        licence="Weights: CC BY 4.0. Data: CC BY 4.0 (figshare), CC BY 3.0 (TCIA Brain-Tumor-Progression).",
        intended_use=(
            "Research: showing where a classifier sees evidence for a contrast-enhancing brain tumour, as a first step "
            "of a segmentation that a reader checks. Not a medical device."
        ),
        limits=(
            "Trained on two collections; tumour-free slices come from a few patients of one of them, all with a tumour "
            "elsewhere. Faint and non-enhancing tumours are often missed. Other sequences and "
            "other organs are outside its use."
        ),
    )
