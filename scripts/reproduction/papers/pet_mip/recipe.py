"""The network of the PET paper on simulated patients; the bundled `pet-fdg` up to version 1."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from CAMLocalizerLib.models import ModelBundle, ModelCard, save_model
from CAMLocalizerLib.networks import build_network
from CAMLocalizerLib.training.fitting import FitOptions, fit_classifier
from CAMLocalizerLib.training.images import ImageSet
from CAMLocalizerLib.training.point_loss import point_loss

from ...datasets.simulated_pet import CLASSES
from ...datasets.simulated_pet.projected import ProjectionOptions, projected_patients, whole

logger = logging.getLogger("CAMLocalizerLib")

# Seeds of simulated patients; tests and the reproduction take others.
TRAIN_FROM, VALIDATE_FROM, TEST_FROM = 0, 500_000, 900_000


@dataclass(frozen=True)
class PETRecipe:
    """How the network of the PET paper is trained.

    Args:
        patients: simulated patients to learn from.
        validation_patients: simulated patients, whole bodies, that pick the best epoch.
        projections: how patients become images. A third of the scans is cropped towards head and feet and a tenth on
            all sides, because scans in practice are: a network that saw whole bodies alone takes the edge of a
            cropped one for a finding.
        network: name of the network.
        point_weight: of a millimetre of the point loss.
        point_spread: of a millimetre of spread in it, see `point_loss`.
        options: of the training.
    """

    patients: int = 400
    validation_patients: int = 40
    projections: ProjectionOptions = field(default_factory=partial(ProjectionOptions, trunk_share=0.3, box_share=0.1))
    network: str = "pet_cnn"
    point_weight: float = 0.02
    point_spread: float = 0.0
    options: FitOptions = field(
        default_factory=lambda: FitOptions(
            epochs=16, batch_size=8, learning_rate=2e-3, schedule="cosine", monitor="loss", precision="bf16-mixed"
        )
    )


RECIPE = PETRecipe()


def recipe_images(recipe: PETRecipe, cache: Path | None = None, workers: int = 0) -> tuple[ImageSet, ImageSet]:
    """Simulate the patients that the recipe learns from and those that pick the epoch.

    Args:
        recipe: how many and how projected.
        cache: folder that keeps their images between runs.
        workers: processes beside this one; 0 for none.
    """
    train = range(TRAIN_FROM, TRAIN_FROM + recipe.patients)
    validation = range(VALIDATE_FROM, VALIDATE_FROM + recipe.validation_patients)
    sets = []
    for fold, (name, seeds, options) in enumerate(
        (("train", train, recipe.projections), ("validation", validation, whole(recipe.projections))), start=1
    ):
        file = None if cache is None else cache / f"{name}.npz"
        sets.append(projected_patients(seeds, [fold] * len(seeds), options, cache=file, workers=workers))
    return sets[0], sets[1]


def train_pet(
    folder: Path,
    work: Path,
    recipe: PETRecipe = RECIPE,
    *,
    workers: int = 0,
    report: Callable[[str], None] = logger.info,
) -> ModelBundle:
    """Train on simulated bodies and write the bundle ``folder``.

    Args:
        folder: where the bundle goes; its name is the model's.
        work: keeps images and checkpoints, so that an interrupted run can resume.
        recipe: how to train.
        workers: processes that simulate, beside this one; 0 for none.
        report: takes a line per epoch.
    """
    train, validation = recipe_images(recipe, work, workers)
    report(f"{len(train) // 2} simulated patients to learn from, {len(validation) // 2} to pick the epoch")
    network = fresh_network(recipe)
    objective = point_loss(recipe.point_weight, recipe.projections.spacing_mm, spread=recipe.point_spread)
    fit_classifier(network, train, validation, recipe.options, work / "fit", objective=objective, report=report)
    return save_model(folder, model_card(folder.name, recipe), network)


def fresh_network(recipe: PETRecipe) -> nn.Module:
    """Build the recipe's network with weights that its seed decides."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.options.seed)
        return build_network(recipe.network, classes=len(CLASSES))


def model_card(name: str, recipe: PETRecipe = RECIPE, **changes: Any) -> ModelCard:
    """Describe a network of this recipe, without measured results; ``changes`` replace fields."""
    card = ModelCard(
        name=name,
        version="1.0.0",
        network=recipe.network,
        network_settings={"classes": len(CLASSES)},
        modality="PET with fluorodeoxyglucose, SUV by body weight",
        spacing_mm=recipe.projections.spacing_mm,
        size=recipe.projections.size,
        normalisation="suv-30",
        classes=CLASSES,
        tumour_classes=CLASSES,
        views=("coronal", "sagittal"),
        target="class",
        scales=(1,),
        threshold="0.5",
        map_normalisation="slice",
        projections=True,
        uptake_border="41%",
        unit="SUVbw",
        training_data=(
            f"{recipe.patients} simulated bodies, seeds {TRAIN_FROM} to {TRAIN_FROM + recipe.patients - 1} of "
            "scripts/reproduction/datasets/simulated_pet: organs with the FDG uptake of the literature, one tumour in "
            "a lung or along the oesophagus, a scanner's blur and noise. Class and one point at the tumour's centre; "
            "no mask, and no image of a patient."
        ),
        licence="Weights and simulation: Apache-2.0, as the project. No patient data.",
        intended_use=(
            "Research and demonstration of the method: tumour uptake in lung or oesophagus from two projections. Not a "
            "medical device, and not for patients: train it on a collection of your own for that."
        ),
        limits=(
            "Trained on simulated bodies only, with one tumour each, in lung or oesophagus. It has no class for a body "
            "without tumour and always points somewhere. Other organs, several tumours, other tracers and children "
            "are outside its use."
        ),
    )
    return replace(card, **changes)
