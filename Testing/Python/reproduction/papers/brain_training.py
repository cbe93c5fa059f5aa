"""A folder as a training of brain-t1ce leaves it, without the bundle, which a release has moved away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from CAMLocalizerLib.models import load_model
from CAMLocalizerLib.training.fit.record import write_weights
from CAMLocalizerLib.training.localisation.objective import LocalisingNetwork, tumour_direction


def write_training(folder: Path, folds: Mapping[str, int], *, rounds: int = 0) -> dict[int, dict[str, Tensor]]:
    """Write the bundled weights, with a shifted bias for each fold, as those of the folds.

    Returns:
        Fold to the weights of its network.
    """
    bundle, trained = load_model("brain-t1ce"), {}
    for fold in sorted(set(folds.values())):
        network = bundle.network()
        network.head.bias.data += 0.01 * fold
        place = folder / f"fold-{fold}" / (f"round-{rounds}" if rounds else "")
        place.mkdir(parents=True)
        direction = tumour_direction(len(bundle.card.classes), (1, 2, 3))
        write_weights(place / "best.safetensors", LocalisingNetwork(network, direction) if rounds else network)
        trained[fold] = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    settings = {name: value for name, value in bundle.card.network_settings.items() if name != "classes"}
    card = bundle.card
    config = {
        "model": {"name": card.name},
        "network": {"name": card.network, "settings": settings},
        "data": {"classes": card.classes},
        "localisation": {"rounds": rounds},
        "input": {
            "size": card.size,
            "spacing_mm": card.spacing_mm,
            "normalisation": card.normalisation,
            "centre": card.centre,
        },
    }
    (folder / "training.json").write_text(json.dumps({"config": config}))
    lines = "".join(f"{patient}.png,{patient},{fold}\n" for patient, fold in folds.items())
    (folder / "predictions.csv").write_text(f"image,patient,fold\n{lines}")
    return trained
