"""Parent: the model bundle that a training starts from, and the configuration that follows from its card."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import nn

from ...core import InputError
from ...models import ModelBundle, ModelCard, load_model
from ..checks import Problems

FOLDS, PATIENCE = 5, 5
TRAINING_IMAGES, LISTED, UNKNOWN = "training_images", "listed", "unknown"  # whether the parent lists all of its own
TRAINING: dict[str, Any] = {
    "epochs": 10,
    "batch_size": 16,
    "optimizer": "adamw",
    "learning_rate": 1e-3,
    "schedule": "one-cycle",
    "monitor": "loss",
}
OWN_SECTIONS = ("network", "input")
OWN_KEYS = {"data": ("classes",), "model": ("tumour_classes", "modality", "unit", "scales", "map_normalisation")}
NEW_TEXTS = ("name", "version", "training_data")


@dataclass(frozen=True, eq=False)
class Parent:
    """The bundle that a training starts from.

    Args:
        bundle: checked.
    """

    bundle: ModelBundle

    @property
    def card(self) -> ModelCard:
        """The bundle's card."""
        return self.bundle.card

    @property
    def origin(self) -> dict[str, str]:
        """Name, version and checksum, as the new card and the plan of the training keep them."""
        return {"name": self.card.name, "version": self.card.version, "sha256": self.card.sha256}

    @property
    def has_stages(self) -> bool:
        """Whether pseudo-masks can be made from its maps: an encoder with a decoder, and maps with reference levels."""
        slices = self.card.network == "dcfpn" and not self.card.projections
        return slices and bool(self.card.network_settings.get("encoder")) and self.card.map_normalisation == "reference"

    def network(self) -> nn.Module:
        """Return a new network with the bundle's weights, ready to be trained."""
        return self.bundle.network().requires_grad_(True)


def load_parent(name_or_folder: str | os.PathLike[str]) -> Parent:
    """Open the bundle to start from.

    Raises:
        ModelError: an unknown or damaged bundle.
        InputError: a bundle that labels of images cannot train.
    """
    bundle = load_model(name_or_folder)
    if bundle.card.candidates:
        raise InputError(
            f"{bundle.folder}: {bundle.card.name} judges places of uptake, which labels of images cannot train; give "
            "--from a model of slices"
        )
    return Parent(bundle)


def with_parent(values: Mapping[str, Any], parent: Parent, problems: Problems) -> dict[str, Any]:
    """Complete the sections of a configuration by what the parent's card says.

    Args:
        values: sections as read; those that describe network and input must be left out.
        parent: the bundle to start from.
        problems: takes a sentence for each section or key that the parent decides.

    Returns:
        All sections.
    """
    given = {name: dict(section) for name, section in values.items() if isinstance(section, Mapping)}
    name = parent.card.name
    for section in set(OWN_SECTIONS) & given.keys():
        problems.add(f"[{section}] is that of {name}, which the training starts from; leave the section out")
        del given[section]
    for section, keys in OWN_KEYS.items():
        for key in set(keys) & given.get(section, {}).keys():
            problems.add(f"[{section}] {key} is that of {name}, which the training starts from; leave it out")
            del given[section][key]
    own = _card_sections(parent)
    merged = {section: own.get(section, {}) | given.get(section, {}) for section in {**own, **given}}
    if merged["folds"]["count"] and merged["folds"].get("validation", "next") != "none":
        merged["training"].setdefault("patience", PATIENCE)
    return {**values, **merged}


def _card_sections(parent: Parent) -> dict[str, dict[str, Any]]:
    """Return the sections that the card decides, and what else differs from a training from fresh weights."""
    from ..config import ModelOptions  # it reads this module's options

    card = parent.card
    settings = {key: value for key, value in card.network_settings.items() if key not in ("classes", "pretrained")}
    taken = [entry.name for entry in fields(ModelOptions) if entry.name not in NEW_TEXTS]
    strong = card.normalisation == "foreground-gamma" and not card.projections
    return {
        "data": {"classes": list(card.classes)},
        "network": {"name": card.network, "settings": settings},
        "input": {
            "spacing_mm": card.spacing_mm,
            "size": list(card.size),
            "normalisation": card.normalisation,
            "centre": card.centre,
            "view": "projections" if card.projections else "auto",
        },
        "training": {**TRAINING, "augmentation": "strong" if strong else "shift"},
        "localisation": {
            "rounds": int(parent.has_stages),
            "symmetric": bool(card.network_settings.get("mirror", False)),
        },
        "folds": {"count": FOLDS},
        "model": {key: _plain(getattr(card, key)) for key in taken} | {"name": f"{card.name}-tuned"},
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def tuned_card(card: ModelCard, parent: Parent, *, training_data: str, images: int, patients: int) -> ModelCard:
    """Take over from the parent's card what a configuration does not hold, and say what the new model was made from.

    Args:
        card: as the configuration gives it.
        parent: the bundle that the training starts from.
        training_data: of the configuration; may be empty.
        images: that the training learns from.
        patients: whose images these are.
    """
    old = parent.card
    sentences = (
        f"Fine-tuned from {old.name} {old.version} (SHA-256 {old.sha256[:12]}...) on {images} images of {patients} "
        f"patients{': ' + training_data.rstrip('.') if training_data else ''}.",
        f"Data of {old.name}: {old.training_data}" if old.training_data else "",
    )
    return replace(
        card,
        scale_weights=old.scale_weights,
        views=old.views,
        map_levels=old.map_levels,
        uptake_border=old.uptake_border,
        typical=_widened(old.typical, card.typical),
        training_data=" ".join(filter(None, sentences)),
        parent=parent.origin | {TRAINING_IMAGES: LISTED if _lists_all(old) else UNKNOWN},
        training_images=tuple(sorted({*old.training_images, *card.training_images})),
    )


def _lists_all(card: ModelCard) -> bool:
    return bool(card.training_images) and card.parent.get(TRAINING_IMAGES, LISTED) == LISTED


def _widened(
    old: Mapping[str, tuple[float, float]], new: Mapping[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """Return limits that contain both; a statistic without limits in the parent keeps none."""
    return {
        name: (min(low, new[name][0]), max(high, new[name][1])) if name in new else (low, high)
        for name, (low, high) in old.items()
    }


def tumour_probabilities(
    network: nn.Module, images: torch.Tensor, card: ModelCard, *, batch_size: int = 16
) -> torch.Tensor:
    """Return the probability of a tumour in each image (N, 1, H, W), shape (N,)."""
    tumours = [card.classes.index(name) for name in card.tumour_classes]
    return class_probabilities(network, images, card, batch_size=batch_size)[:, tumours].sum(1)


def class_probabilities(
    network: nn.Module, images: torch.Tensor, card: ModelCard, *, batch_size: int = 16
) -> torch.Tensor:
    """Return calibrated probabilities of the classes, shape (N, classes), of images (N, 1, H, W)."""
    network.eval()
    with torch.inference_mode():
        parts = [network(part).float() / card.temperature for part in images.split(batch_size)]
    return torch.cat(parts).softmax(1) if parts else torch.zeros(0, len(card.classes))


def fold_count(strata: Mapping[str, Sequence[str]], most: int = FOLDS) -> int:
    """Return the number of folds for labelled patients.

    Args:
        strata: patients by what their images show.
        most: folds where there are patients enough.

    Raises:
        InputError: fewer than three patients with or without a tumour.
    """
    fewest, patients = min(((name, len(set(found))) for name, found in strata.items()), key=lambda pair: pair[1])
    if patients < 3:
        raise InputError(
            f"too few patients with {fewest}: {patients}; fine-tuning needs 3, so that patients that it does not learn "
            "from say whether it helps (or [folds] count = 0, which measures nothing)"
        )
    return min(most, patients)
