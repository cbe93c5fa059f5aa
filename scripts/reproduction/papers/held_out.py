"""The network of brain-t1ce that never saw the patients of a held-out fold."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.evaluation.networks_by_patient import is_training_folder, networks_by_patient
from CAMLocalizerLib.models import CARD_FILE, ModelBundle, ModelCard, load_model
from CAMLocalizerLib.training.fit.record import read_json
from CAMLocalizerLib.training.output import TRAINING_FILE

BUNDLE = "brain-t1ce"
ROW = f"{BUNDLE}, trained without this fold"
WHY_LEFT_OUT = (
    f"{BUNDLE} is left out, since the weights that come with CAMLocalizer were trained on all patients of this "
    "collection; with `--training DIR`, the folder of a training with folds, the network that did not see the held-out "
    "patients is measured"
)


def network_without(
    patients: Collection[str], training: Path | None, report: Callable[[str], None]
) -> ModelBundle | None:
    """Open the network of a training's fold that held out all of some patients.

    A training without a bundle of its own is described by the installed one, if that was made for the same network and
    images.

    Args:
        patients: identifiers as the training's table has them.
        training: output folder of ``camlocalizer train`` for brain-t1ce; None if there is none.
        report: takes a sentence where there is no such network.

    Returns:
        The network of the fold with its description, None if there is none.

    Raises:
        ModelError: a folder without a training, the training of another model, or weights that are missing.
        InputError: the training's predictions cannot be read.
    """
    if training is None:
        report(WHY_LEFT_OUT)
        return None
    networks = networks_by_patient(str(training), "cpu", card=_installed_card(training))
    folds = {networks.folds.get(patient) for patient in patients}
    if len(folds) != 1 or None in folds:
        report(f"{ROW}: left out, no fold of {training} held out all {len(patients)} patients of this study's fold")
        return None
    return networks.bundles[folds.pop() or 0]


def _installed_card(training: Path) -> ModelCard | None:
    """Return the installed description for a training that has none of its own; None for one that has.

    Raises:
        ModelError: no training of brain-t1ce, or one of another network or for other images.
    """
    if not is_training_folder(training):
        raise ModelError(f"{training} is not the output folder of a training; give one of camlocalizer train")
    config = read_json(training / TRAINING_FILE).get("config", {})
    if (name := config.get("model", {}).get("name")) != BUNDLE:
        raise ModelError(f"{training} holds a training of {name!r}, expected one of {BUNDLE!r}")
    if (training / BUNDLE / CARD_FILE).is_file():
        return None
    card = load_model(BUNDLE).card
    trained, installed = _trained(config), _described(card)
    if differing := [key for key, value in installed.items() if trained[key] != value]:
        raise ModelError(
            f"{training / BUNDLE} is not there, and the installed {BUNDLE} differs from the training in "
            f"{', '.join(differing)}; put the bundle that the training wrote back into its folder"
        )
    return card


def _trained(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a training's configuration says of its network and images, as JSON values."""
    network, taken, classes = config.get("network", {}), config.get("input", {}), config.get("data", {}).get("classes")
    return {
        "network": network.get("name"),
        "network_settings": {"classes": len(classes or ())} | network.get("settings", {}),
        "classes": classes,
        **{key: taken.get(key) for key in ("size", "spacing_mm", "normalisation", "centre")},
    }


def _described(card: ModelCard) -> dict[str, Any]:
    """Return what a model card says of its network and images, as JSON values."""
    values = {
        "network": card.network,
        "network_settings": dict(card.network_settings),
        "classes": card.classes,
        "size": card.size,
        "spacing_mm": card.spacing_mm,
        "normalisation": card.normalisation,
        "centre": card.centre,
    }
    return json.loads(json.dumps(values))
