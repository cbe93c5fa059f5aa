"""The identity of an answer: what a model was asked, so that the same is not asked twice."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from ..localizer import LabelSettings, RunOptions
from ..models import ModelCard


def answer_identity(card: ModelCard, options: RunOptions, settings: LabelSettings) -> str:
    """Return a checksum of the model's weights and of all that decides what it answers for a given volume.

    Args:
        card: of the model.
        options: which model runs and how; batch size, device and exports do not count.
        settings: complete; weights of scales that are not fused do not count.
    """
    weights = tuple((scale, weight) for scale, weight in settings.weights or () if scale in (settings.scales or ()))
    asked = {
        "model_sha256": card.sha256,
        "view": options.view,
        "map": options.map or card.map,
        "precision": options.precision,
        "unit": options.unit,
        "settings": replace(settings, weights=weights).to_json(),
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
