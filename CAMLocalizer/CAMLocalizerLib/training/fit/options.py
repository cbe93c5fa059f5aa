"""FitOptions: everything that decides a training run besides network, data and loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ...core import SettingsError

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "cosine", "one-cycle")
WARM_UP = 0.15  # of all steps, in which `one-cycle` rises
MONITORS = ("accuracy", "loss")
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
AUGMENTATIONS = ("none", "flip", "flips", "shift", "affine", "strong")
MACHINE = ("accelerator", "devices", "strategy", "num_workers")  # may change between the parts of one run
_POSITIVE = ("epochs", "batch_size", "learning_rate", "decay_factor")
_AT_LEAST_ZERO = ("weight_decay", "momentum", "num_workers", "seed")
_POSITIVE_OR_NONE = ("decay_every", "patience", "images_per_epoch")


@dataclass(frozen=True)
class FitOptions:
    """How a network is trained.

    Args:
        epochs: passes over the training images, at most.
        batch_size: images per step and device.
        optimizer: ``adam`` (0.9, 0.999, 1e-8), ``adamw`` or ``sgd``.
        learning_rate: at the start.
        weight_decay: of the optimiser.
        momentum: of ``sgd``, below 1.
        decay_every: optimiser steps after which the rate is multiplied by ``decay_factor``, again and again.
        decay_factor: see ``decay_every``.
        schedule: ``constant``; ``cosine``: down to zero over all steps; ``one-cycle``: up in the first 15 %, then
            down to zero as a cosine.
        class_weights: weigh the classes by their inverse frequency in the training images.
        patience: epochs without a better validation figure after which training ends.
        monitor: the validation figure that picks the best epoch: ``accuracy`` (Dice for a segmenter; of equal ones
            that with the lower loss) or ``loss``.
        precision: ``32-true``, ``bf16-mixed`` or ``16-mixed`` (GPU), Lightning's names.
        augmentation: ``none``; ``flip``: left and right; ``flips``: also top and bottom; ``shift``: flip and shifts
            of up to 10 % of the sides; ``affine``: shift, rotation of up to 15 degrees and zoom of up to 15 %;
            ``strong``: affine and changes of what images look like, see :mod:`.appearance`.
        images_per_epoch: images drawn per epoch where classes and sites are balanced; as many as there are if None.
        seed: of the order of images, of augmentation and of dropout.
        accelerator: ``cpu``, ``gpu``, ``mps`` or ``auto``, Lightning's names.
        devices: how many of them, or ``auto``.
        strategy: Lightning's name of how several devices share the work, such as ``ddp``.
        num_workers: processes that put batches together; images are in memory, so 0 is fastest as a rule.

    Raises:
        SettingsError: all options that are out of range, in one sentence.
    """

    epochs: int = 20
    batch_size: int = 16
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    momentum: float = 0.0
    decay_every: int | None = None
    decay_factor: float = 0.1
    schedule: str = "constant"
    class_weights: bool = False
    patience: int | None = None
    images_per_epoch: int | None = None
    monitor: str = "accuracy"
    precision: str = "32-true"
    augmentation: str = "none"
    seed: int = 0
    accelerator: str = "cpu"
    devices: int | str = 1
    strategy: str = "auto"
    num_workers: int = 0

    def __post_init__(self) -> None:
        if problems := option_problems(asdict(self)):
            raise SettingsError("; ".join(problems))

    def recipe(self) -> dict[str, Any]:
        """Return the options that decide the result: all but those of the machine."""
        return {name: value for name, value in asdict(self).items() if name not in MACHINE}

    def rate_factor(self, step: int, steps: int) -> float:
        """Return what the learning rate is multiplied by after ``step`` of ``steps`` steps."""
        factor = 1.0 if self.decay_every is None else self.decay_factor ** (step // self.decay_every)
        done = min(1.0, step / max(1, steps))
        if self.schedule == "cosine":
            factor *= 0.5 * (1 + math.cos(math.pi * done))
        if self.schedule == "one-cycle":
            rising, falling = done / WARM_UP, (done - WARM_UP) / (1 - WARM_UP)
            factor *= max(rising, 1 / max(1, steps)) if done < WARM_UP else 0.5 * (1 + math.cos(math.pi * falling))
        return factor


def option_problems(values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with options, given as the fields of :class:`FitOptions`; those not given are right."""
    choices = {
        "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES,
        "monitor": MONITORS,
        "precision": PRECISIONS,
        "augmentation": AUGMENTATIONS,
    }
    problems = [
        f"{name} must be one of {', '.join(known)}, got {values[name]!r}"
        for name, known in choices.items()
        if name in values and values[name] not in known
    ]
    if values.get("precision") == "16-mixed" and values.get("accelerator", "cpu") == "cpu":
        problems.append("precision 16-mixed needs a GPU; use bf16-mixed on a CPU")
    return problems + _number_problems(values)


def _number_problems(values: Mapping[str, Any]) -> list[str]:
    problems = []
    for name, value in values.items():
        whole = name in ("epochs", "batch_size", "decay_every", "patience", "num_workers", "seed", "images_per_epoch")
        optional = name in _POSITIVE_OR_NONE
        if name not in (*_POSITIVE, *_AT_LEAST_ZERO, *_POSITIVE_OR_NONE) or (optional and value is None):
            continue
        kind = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        lowest = value >= 0 if kind and name in _AT_LEAST_ZERO else kind and value > 0
        if not (kind and math.isfinite(value) and lowest and (name != "momentum" or value < 1)):
            expected = "a whole number" if whole else "a number"
            bound = "at least 0" if name in _AT_LEAST_ZERO else "above 0"
            problems.append(f"{name} must be {expected} {bound}{' and below 1' * (name == 'momentum')}, got {value!r}")
    return problems
