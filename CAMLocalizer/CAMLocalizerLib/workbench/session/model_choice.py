"""The models that a reviewer can choose from."""

from __future__ import annotations

import logging
from typing import Any

from ...core import ModelError
from ...models import CARD_FILE, ModelCard, bundled_models
from ...models.search import find_bundle
from ...mrml.volumes import UNIT_CODES

logger = logging.getLogger("CAMLocalizerLib")


def model_cards() -> dict[str, ModelCard]:
    """Return the installed models by name; one whose description is damaged is left out with a logged warning."""
    cards = {}
    for name in bundled_models():
        try:
            cards[name] = ModelCard.read(find_bundle(name) / CARD_FILE)
        except ModelError as error:
            logger.warning("%s", error)
    return cards


def unit_of(volume_node: Any) -> str:
    """Return the unit of a volume node's voxels, where the scene knows it; empty otherwise."""
    entry = None if volume_node is None else volume_node.GetVoxelValueUnits()
    value = "" if entry is None else entry.GetCodeValue()
    return next((unit for unit, code in UNIT_CODES.items() if code[0] == value), "")


def suggested_model(cards: dict[str, ModelCard], unit: str) -> str:
    """Return the model to begin with: one for the unit of the voxels, or else one that takes any; empty if none."""
    fitting = [name for name, card in cards.items() if unit and card.unit == unit]
    others = [name for name, card in cards.items() if not card.unit]
    return next(iter([*fitting, *others, *cards]), "")
