"""Which network to use for a patient: the bundle's, or that of the fold which held the patient out."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from torch import nn

from ..core import InputError, ModelError
from ..localizer import Localizer
from ..models import CARD_FILE, ModelBundle, ModelCard, load_model
from ..networks import EncoderDCFPN, build_network
from ..training.checks import listed
from ..training.fit.record import BEST_FILE, load_weights, read_json
from ..training.localisation.objective import LocalisingNetwork, tumour_direction
from ..training.localisation.stages import ROUND
from ..training.output import TRAINING_FILE
from ..training.runs import PREDICTIONS_FILE


@dataclass(frozen=True)
class FoldBundle(ModelBundle):
    """The network of one fold, described by the card of the training's bundle.

    Args:
        fold: that the network did not see.
        rounds: of the training of a localiser, whose last round holds the network; 0 for a training in one stage.
    """

    fold: int
    rounds: int = 0

    @property
    def weights_path(self) -> Path:
        """The best weights of the fold."""
        return fold_weights(self.folder, self.fold, self.rounds)

    def network(self) -> nn.Module:
        """Return a new network with the fold's weights, as :meth:`ModelBundle.network` does."""
        return self.localising().network.eval().requires_grad_(False) if self.rounds else super().network()

    def localising(self) -> LocalisingNetwork:
        """Return the network of a localiser with what its training keeps beside: the levels of its maps.

        Raises:
            ModelError: the weights are of another network.
        """
        settings: dict[str, Any] = {"classes": len(self.card.classes)} | dict(self.card.network_settings)
        settings.pop("pretrained", None)
        network = build_network(self.card.network, **settings)
        assert isinstance(network, EncoderDCFPN)
        tumours = [self.card.classes.index(name) for name in self.card.tumour_classes]
        localising = LocalisingNetwork(network, tumour_direction(len(self.card.classes), tumours))
        load_weights(self.weights_path, localising)
        return localising


def fold_weights(folder: Path, fold: int, rounds: int = 0) -> Path:
    """Return where a training keeps the best weights of a fold; a localiser's are those of its last round."""
    stage = folder / f"fold-{fold}"
    return (stage / f"{ROUND}-{rounds}" if rounds else stage) / BEST_FILE


class NetworksByPatient:
    """Localizers by patient; each network is loaded once, when it is first needed.

    Args:
        bundles: by fold that was held out; a single one under 0 for all patients.
        folds: fold of each patient; empty for a single network.
        device: as for :class:`Localizer`.
    """

    def __init__(self, bundles: Mapping[int, ModelBundle], folds: Mapping[str, int], device: str = "auto") -> None:
        self.bundles, self.folds, self.device = dict(bundles), dict(folds), device
        self._localizer = cache(lambda fold: Localizer(self.bundles[fold], device=self.device))

    @property
    def card(self) -> ModelCard:
        """What all networks were made for."""
        return next(iter(self.bundles.values())).card

    @property
    def shares_levels(self) -> bool:
        """Whether the networks of the folds divide their maps by the reference levels of another network."""
        learnt = any(isinstance(bundle, FoldBundle) and bundle.rounds for bundle in self.bundles.values())
        return self.cross_validated and self.card.map_normalisation == "reference" and not learnt

    @property
    def cross_validated(self) -> bool:
        """Whether each patient is judged by a network of its own fold."""
        return bool(self.folds)

    def fold(self, patient: str) -> int | None:
        """Return the fold whose network judges a patient, None where there is one network for all."""
        return self.folds[patient] if self.folds else None

    def localizer(self, patient: str) -> Localizer:
        """Return the network that did not see the patient, ready to run."""
        return self._localizer(self.fold(patient) or 0)

    def unknown(self, patients: Collection[str]) -> list[str]:
        """Return why some patients cannot be assessed, at most one sentence."""
        missing = sorted(set(patients) - set(self.folds)) if self.folds else []
        if not missing:
            return []
        return [
            f"no fold of the training held out the patients {listed(missing)}, so that its networks may have seen "
            "them; leave them out, or give the training's model bundle to evaluate on other patients"
        ]


def is_training_folder(path: Path) -> bool:
    """Return whether a folder is one that ``camlocalizer train`` writes, rather than a model bundle."""
    return (path / TRAINING_FILE).is_file()


def networks_by_patient(model: str, device: str = "auto", *, card: ModelCard | None = None) -> NetworksByPatient:
    """Open a model bundle, or the folds of a training folder.

    Args:
        model: name or folder of a bundle, or the folder of a training with folds.
        device: as for :class:`Localizer`.
        card: describes the networks of a training that has no bundle of its own; None to insist on one.

    Raises:
        ModelError: the bundle is unknown or damaged; the training has no bundle yet, or a fold has no weights.
        InputError: the training's predictions cannot be read.
    """
    folder = Path(model)
    if not is_training_folder(folder):
        return NetworksByPatient({0: load_model(model)}, {}, device)
    folds, config = _held_out(folder), read_json(folder / TRAINING_FILE).get("config", {})
    rounds = int(config.get("localisation", {}).get("rounds", 0))
    described = _card(folder, config, card)
    bundles = {fold: _fold(folder, fold, rounds, described) for fold in sorted(set(folds.values()))}
    return NetworksByPatient(bundles, folds, device)


def _held_out(folder: Path) -> dict[str, int]:
    """Read from the training's predictions which patients each fold held out."""
    path = folder / PREDICTIONS_FILE
    try:
        with path.open(newline="", encoding="utf-8") as file:
            folds = {row["patient"]: int(row["fold"]) for row in csv.DictReader(file)}
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing: no fold of the training is finished; use --resume") from error
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path} cannot be read ({error}); train again") from error
    if not folds:
        raise ModelError(f"{path} lists no patient; train again")
    return folds


def _card(folder: Path, config: Mapping[str, Any], otherwise: ModelCard | None) -> ModelCard:
    bundle = folder / str(config.get("model", {}).get("name", ""))
    if (bundle / CARD_FILE).is_file():
        return load_model(bundle).card
    if otherwise is None:
        raise ModelError(
            f"{bundle} is missing: the training writes its model bundle at the end; continue with camlocalizer train "
            "--resume"
        )
    return otherwise


def _fold(folder: Path, fold: int, rounds: int, card: ModelCard) -> FoldBundle:
    path = fold_weights(folder, fold, rounds)
    try:
        checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(
            f"{path} is missing or cannot be read: the patients of fold {fold} cannot be judged without it; restore it "
            "or train again"
        ) from error
    bundle = FoldBundle(replace(card, sha256=checksum), folder, fold, rounds)
    if not rounds:
        return bundle
    own = bundle.localising().levels(card.size)
    return replace(bundle, card=replace(bundle.card, map_levels=own))
