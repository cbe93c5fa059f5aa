"""Trains the classifiers on regions filtered four ways, and compares their maps with the truth."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.evaluation.filters import CAM, ORIGINAL, FilterResult, activation_maps, map_overlap, retrain
from CAMLocalizerLib.evaluation.roi_set import RoiSet
from CAMLocalizerLib.networks import build_network, load_encoder_weights

from ..results import replacing
from .plan import NETWORKS, Settings

TUMOUR = 1


@dataclass(frozen=True, eq=False)
class MapSet:
    """Maps of all regions by one network, 8-bit, shape (N, H, W).

    Args:
        tumour: what speaks for the tumour; compared with the truth.
        given: what speaks for the class that the network gives; used as filter.
    """

    tumour: NDArray[np.uint8]
    given: NDArray[np.uint8]

    @property
    def weights(self) -> NDArray[np.float32]:
        """The maps used as filter, 0 to 1, float32."""
        return self.given.astype(np.float32) / np.float32(255)


@dataclass(frozen=True, eq=False)
class Measured:
    """One network with one held-out fold: what has been trained so far.

    Args:
        network: name in the registry.
        fold: held out.
        results: filter to figures.
        dice: mean-Dice of the tumour map of each abnormal region, those learnt from included; shape (A,).
        held_out: which of them were held out, shape (A,).
        empty: share of the abnormal regions whose tumour map is zero everywhere.
        seconds_per_epoch: of the training on original images.
    """

    network: str
    fold: int
    results: dict[str, FilterResult]
    dice: NDArray[np.float64]
    held_out: NDArray[np.bool_]
    empty: float
    seconds_per_epoch: float


@dataclass(frozen=True, eq=False)
class Study:
    """All trainings, each kept in ``work`` as soon as it is done.

    Args:
        rois: all regions.
        work: keeps figures, maps, and the training that was interrupted.
        settings: what decides the run.
        report: takes a line per step.
    """

    rois: RoiSet
    work: Path
    settings: Settings
    report: Callable[[str], None]

    def run(self) -> Iterator[Measured]:
        """Train what is not trained yet, all networks with one fold before the next; gives what is known after each.

        Raises:
            ModelError: ``work`` holds a run with other settings.
        """
        for fold in self.settings.folds:
            for network in self.settings.networks:
                for kind in self.settings.filters(network):
                    if self._stored(network, fold, kind) is None:
                        self._train(network, fold, kind)
                yield self.measured(network, fold)

    def measured(self, network: str, fold: int) -> Measured:
        """Collect what is stored of a network and fold."""
        stored = {kind: self._stored(network, fold, kind) for kind in self.settings.filters(network)}
        values = {kind: each for kind, each in stored.items() if each is not None}
        maps, sick = self.maps(network, fold), self.rois.labels == TUMOUR
        return Measured(
            network,
            fold,
            {kind: FilterResult(**each["result"]) for kind, each in values.items()},
            map_overlap(self.rois.where(sick), maps.tumour[sick]),
            self.rois.folds[sick] == fold,
            float((maps.tumour[sick].max(axis=(1, 2)) == 0).mean()),
            values[ORIGINAL]["seconds_per_epoch"],
        )

    def maps(self, network: str, fold: int) -> MapSet:
        """Read the maps that a network made when it was trained."""
        path = self._path(network, fold, "maps.npz")
        try:
            with np.load(path, allow_pickle=False) as file:
                return MapSet(file["tumour"], file["given"])
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{path} cannot be read ({error}); delete {path.parent} and train again") from error

    def _train(self, network: str, fold: int, kind: str) -> None:
        name = f"{NETWORKS[network]}, fold {fold}, {kind}"
        maps = self.maps(network, fold).weights if kind == CAM else None
        folder, begin = self._path(network, fold, f"training-{kind}"), time.perf_counter()
        trained, result = retrain(
            lambda: self._fresh_network(network),
            self.rois,
            kind,
            self.settings.options(network, fold),
            folder,
            fold=fold,
            maps=maps,
            normalisation=self.settings.normalisation(network),
            report=lambda line: self.report(f"{name}: {line}"),
        )
        seconds = (time.perf_counter() - begin) / result.epochs
        if kind == ORIGINAL:
            self._save_maps(network, fold, trained)
        values = {"settings": self.settings.recipe(network), "result": result.as_dict(), "seconds_per_epoch": seconds}
        with replacing(self._path(network, fold, f"{kind}.json")) as beside:
            beside.write_text(json.dumps(values, indent=2), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)  # a hundred megabytes that nothing asks for any more
        self.report(f"{name}: accuracy {result.accuracy:.3f}, {seconds:.1f} s per epoch")

    def _fresh_network(self, name: str) -> nn.Module:
        network, weights = build_network(name, classes=2), self.settings.start(name).get("encoder_weights")
        if weights is not None:
            load_encoder_weights(network, weights)
        return network

    def _save_maps(self, network: str, fold: int, trained: nn.Module) -> None:
        images = self.rois.image_set(normalisation=self.settings.normalisation(network)).images
        tumour, given = (activation_maps(trained, images, targets=target) for target in (TUMOUR, None))
        with replacing(self._path(network, fold, "maps.npz")) as beside, beside.open("wb") as file:
            np.savez_compressed(file, tumour=_eight_bits(tumour), given=_eight_bits(given))

    def _stored(self, network: str, fold: int, kind: str) -> dict[str, Any] | None:
        """Read the figures of a training; None if it is not done."""
        path = self._path(network, fold, f"{kind}.json")
        if not path.exists():
            return None
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["settings"] != json.loads(json.dumps(self.settings.recipe(network))):
            raise ModelError(f"{path} was made with other settings; choose another work folder or delete this one")
        values["result"] = {key: float("nan") if each is None else each for key, each in values["result"].items()}
        return values

    def _path(self, network: str, fold: int, name: str) -> Path:
        folder = self.work / f"fold-{fold}" / network
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name


def _eight_bits(maps: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(maps * 255).astype(np.uint8)
