"""LocalisationOptions: how labels of whole images become pseudo-masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .contrast import CONTRASTS

POOLINGS = ("multiple-instance", "average")


@dataclass(frozen=True)
class LocalisationOptions:
    """The stages before and between those of `FitOptions`; they need ``dcfpn`` with an encoder.

    Args:
        rounds: how often pseudo-masks are made and the decoder is trained on them; 0 trains on labels alone.
        pooling: how the evidence of an image's cells becomes its score in the first stage: ``multiple-instance``: the
            mean of the best cells; ``average``: the mean of all.
        instances: number of best cells.
        contrast: which cells may show the class of their image: those ``bright`` or ``dark`` against their
            surroundings, ``both``, or ``none`` for all cells.
        symmetric: the organ is symmetric about the vertical axis of axial and coronal slices: networks see what differs
            from the mirrored half, the asymmetry counts where no component of an image agrees with its map, and images
            whose class their site explains get pseudo-masks from it.
        compare_patients: images of the same site and plane show the same part of the body at about the same place; what
            images of other patients do not show counts where no component of an image agrees with its map.
        keep: share of the pseudo-masks of each class and site that are kept, the most certain ones, above 0 to 1.
        copies: augmented copies of the training images that the first stage learns from, relative to the images.
        encoder_learning_rate: at which the encoder is trained too in the last round, its normalisation fixed; 0 leaves
            the encoder as it is, which makes training several times faster.
        evidence_epochs, evidence_batch_size, evidence_learning_rate: of the first stage.
    """

    rounds: int = 0
    pooling: str = "multiple-instance"
    instances: int = 4
    contrast: str = "both"
    symmetric: bool = False
    compare_patients: bool = False
    keep: float = 0.55
    copies: float = 2.0
    encoder_learning_rate: float = 0.0
    evidence_epochs: int = 10
    evidence_batch_size: int = 64
    evidence_learning_rate: float = 6e-3


def localisation_problems(values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with options, given as the fields of `LocalisationOptions`; those not given are right."""
    choices = {"pooling": POOLINGS, "contrast": CONTRASTS}
    found = [
        f"{name} must be one of {', '.join(known)}, got {values[name]!r}"
        for name, known in choices.items()
        if name in values and values[name] not in known
    ]
    for name in ("instances", "evidence_epochs", "evidence_batch_size"):
        if name in values and values[name] < 1:
            found.append(f"{name} must be at least 1, got {values[name]}")
    for name in ("rounds", "encoder_learning_rate"):
        if not 0 <= values.get(name, 0) < float("inf"):
            found.append(f"{name} must be at least 0, got {values[name]}")
    if not 0 < values.get("keep", 1.0) <= 1:
        found.append(f"keep must be above 0 and at most 1, got {values['keep']}")
    for name in ("copies", "evidence_learning_rate"):
        if not 0 < values.get(name, 1.0) < float("inf"):
            found.append(f"{name} must be above 0, got {values[name]}")
    return found
