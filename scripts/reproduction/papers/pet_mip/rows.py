"""The rows of the PET paper's tables: which network each trains, and how it outlines a tumour in 3D."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.localizer import Localizer
from CAMLocalizerLib.models import save_model
from CAMLocalizerLib.segment import label_map_from_uptake
from CAMLocalizerLib.training.fitting import FitOptions, fit_classifier
from CAMLocalizerLib.training.images import ImageSet
from CAMLocalizerLib.training.point_loss import point_loss
from CAMLocalizerLib.views import PROJECTIONS, ProjectionPair, mip_images

from ...datasets.simulated_pet.projected import ProjectionOptions
from ..supervised import fit_segmenter, predict_masks
from .evaluation import PETCase, PETOutcome, evaluate_pet, outcome, simulated_cases
from .recipe import PETRecipe, fresh_network, model_card

UNET, CAMS, FCNS, OURS = "U-NET", "CAMs alone", "CAMs & FCNs", "Our"
DISTANCE = "Our without spread"
UNET_CHANNELS = (16, 32, 64, 128, 128)


@dataclass(frozen=True)
class Settings:
    """How the paper is reproduced.

    Args:
        patients: simulated patients; those of even seeds have lung cancer, of odd ones oesophageal cancer.
        first_seed: of the patients; even.
        folds: of the cross-validation.
        measured_folds: how many of them are held out and measured, from the first.
        epochs: of every network; the last epoch's weights are measured, so that no held-out patient picks them.
        unet_epochs: of the U-Net.
        point_weight: of a millimetre of loss 2.
        point_spread: of a millimetre of spread in loss 2, see `point_loss`.
        seed: of folds, weights and order.
        precision: of training.
        projections: how patients become images.
        transfer: whether networks are run on real PET too.
    """

    patients: int = 195
    first_seed: int = 20_000
    folds: int = 5
    measured_folds: int = 1
    epochs: int = 24
    unet_epochs: int = 20
    point_weight: float = 0.02
    point_spread: float = 0.1
    seed: int = 0
    precision: str = "bf16-mixed"
    projections: ProjectionOptions = field(default_factory=ProjectionOptions)
    transfer: bool = True

    def options(self, epochs: int) -> FitOptions:
        """Return the options of every training: Adam, batches of 8 images as published."""
        return FitOptions(
            epochs=epochs,
            batch_size=8,
            learning_rate=2e-3,
            schedule="cosine",
            precision=self.precision,
            seed=self.seed,
        )

    def recipe(self, network: str, point_weight: float, point_spread: float) -> PETRecipe:
        """Return the recipe of a classifier's row."""
        return PETRecipe(
            patients=self.patients,
            projections=self.projections,
            network=network,
            point_weight=point_weight,
            point_spread=point_spread,
            options=self.options(self.epochs),
        )


QUICK = Settings(
    patients=8,
    folds=2,
    measured_folds=1,
    epochs=1,
    unet_epochs=1,
    precision="32-true",
    projections=ProjectionOptions(spacing_mm=8.0, size=(64, 144), scanner_spacing_mm=(16.0, 16.0, 16.0)),
)

Report = Callable[[str], None]
Measure = Callable[[PETCase], PETOutcome]


def classifier_row(settings: Settings, network: str, weighted: bool = False, compact: bool = False) -> PETRecipe:
    """Return the recipe of a row: the class alone, or with the point loss, with its spread or without."""
    weight, spread = settings.point_weight * weighted, settings.point_spread * compact
    return settings.recipe(network, weight, spread)


def train_classifier(recipe: PETRecipe, train: ImageSet, folder: Path, report: Report) -> Localizer:
    """Train a row's classifier and make its bundle ready to run on volumes with the main job."""
    network = fresh_network(recipe)
    objective = point_loss(recipe.point_weight, recipe.projections.spacing_mm, spread=recipe.point_spread)
    fit_classifier(network, train, None, recipe.options, folder / "fit", objective=objective, report=report)
    return Localizer(save_model(folder / "bundle", model_card("bundle", recipe), network), device="cpu")


def measure_with(localizer: Localizer) -> Measure:
    """Return what measures a case with a classifier's maps."""

    def measure(case: PETCase) -> PETOutcome:
        return next(evaluate_pet(localizer, [case]))[1]

    return measure


def unet_monai(in_channels: int = 1) -> nn.Module:
    """Build MONAI's U-Net for two dimensions, small enough for whole projections; logits (N, 1, H, W).

    Raises:
        ModelError: MONAI is not installed.
    """
    try:
        from monai.networks.nets import UNet
    except ImportError as error:
        raise ModelError(
            f"the U-Net needs MONAI; install it with: pip install 'camlocalizer[training]' ({error})"
        ) from error
    strides = (2,) * (len(UNET_CHANNELS) - 1)
    return UNet(2, in_channels, 1, UNET_CHANNELS, strides, num_res_units=1, norm="batch")


def train_unet(
    settings: Settings, train: ImageSet, masks: NDArray[np.bool_], folder: Path, report: Report
) -> nn.Module:
    """Train the supervised baseline on projected masks."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = unet_monai()
    options = settings.options(settings.unet_epochs)
    fit_segmenter(network, train.images, masks, None, None, options, folder / "fit", report=report)
    return network


def unet_outcome(network: nn.Module, case: PETCase, options: ProjectionOptions) -> PETOutcome:
    """Back-project the two masks and outline the uptake where both agree, as is done with the maps."""
    pair = ProjectionPair(case.volume, spacing_mm=options.spacing_mm, size=options.size)
    masks = predict_masks(network, mip_images(case.volume, options.spacing_mm, options.size)[:, None])
    lines = [
        pair.to_volume(mask.astype(np.float32), plane, stride=1) for mask, plane in zip(masks, PROJECTIONS, strict=True)
    ]
    product = np.ascontiguousarray(lines[0] * lines[1] * np.ones(case.truth_kji.shape, np.float32))
    uptake = case.volume.array_kji
    found = label_map_from_uptake(product, uptake, case.volume.grid, 0.5).array_kji > 0
    return outcome(case, found, product * uptake, -1)


def measure_fold(settings: Settings, seeds: list[int], measure: Measure) -> list[PETOutcome]:
    """Measure the held-out patients of a fold, simulated again from their seeds."""
    return [measure(case) for case in simulated_cases(seeds, settings.projections)]


def row_trainers(
    settings: Settings, masks: Callable[[], NDArray[np.bool_]]
) -> dict[str, Callable[[ImageSet, NDArray[np.bool_], Path, Report], Measure]]:
    """Return what trains each row on some images and gives what measures it.

    Args:
        settings: of the reproduction.
        masks: makes the projected masks of all patients; called for the U-Net alone.

    Returns:
        Row to a function of (images to train on, which of all images they are, folder, report).
    """

    def unet(train: ImageSet, chosen: NDArray[np.bool_], folder: Path, report: Report) -> Measure:
        network = train_unet(settings, train, masks()[chosen], folder, report)
        return partial(_unet_measure, network, settings.projections)

    def classifier(
        recipe: PETRecipe, train: ImageSet, _chosen: NDArray[np.bool_], folder: Path, report: Report
    ) -> Measure:
        return measure_with(train_classifier(recipe, train, folder, report))

    return {
        UNET: unet,
        CAMS: partial(classifier, classifier_row(settings, "pet_cnn")),
        FCNS: partial(classifier, classifier_row(settings, "pet_fcn")),
        OURS: partial(classifier, classifier_row(settings, "pet_cnn", weighted=True, compact=True)),
        DISTANCE: partial(classifier, classifier_row(settings, "pet_cnn", weighted=True)),
    }


def _unet_measure(network: nn.Module, options: ProjectionOptions, case: PETCase) -> PETOutcome:
    return unet_outcome(network, case, options)


def as_json(outcomes: list[PETOutcome]) -> list[dict[str, Any]]:
    """Return outcomes as JSON values."""
    return [asdict(entry) for entry in outcomes]
