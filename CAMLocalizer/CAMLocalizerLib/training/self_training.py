"""Training of DC-FPN from labels of whole slices, with evidence maps that learn from their own best explanation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ..networks import DCFPN
from .augmentation import augment
from .counterfactuals import Batch, counterfactual
from .evidence import EvidenceLoss, evidence_maps
from .pseudo_targets import network_target, saliencies, saliency_target
from .regions import Region
from .slices import SliceSet


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training run besides its data.

    Args:
        channels: channels of DC-FPN's scales.
        rounds: epochs of each round; between rounds the targets are made anew from the network's evidence, and from
            the second round on some slices lose their tumour or get another's.
        shares: share of every batch by (site, label).
        infiltrating: label of the tumour type whose lesions may be dark and diffuse.
        seed: seed of weights, order and augmentation.
    """

    channels: tuple[int, ...]
    rounds: tuple[int, ...]
    shares: Mapping[tuple[str, int], float]
    classes: int = 4
    infiltrating: int = 2
    batch_size: int = 16
    learning_rate: float = 2e-3
    warm_up_steps: int = 200
    constant_share: float = 0.6
    last_rate_share: float = 0.02
    weight_decay: float = 1e-4
    loss_rate_factor: float = 5.0
    evidence_weight: float = 1.0
    label_smoothing: float = 0.02
    largest_gradient: float = 5.0
    seed: int = 0

    def rate(self, progress: float, step: int) -> float:
        """Learning rate after ``step`` steps, ``progress`` (0 to 1) of the whole run: warm-up, plateau, cosine."""
        warm = self.learning_rate * min(1.0, (step + 1) / self.warm_up_steps)
        late = max(0.0, (progress - self.constant_share) / (1 - self.constant_share))
        cosine = 0.5 * (1 + math.cos(math.pi * late))
        return warm * (self.last_rate_share + (1 - self.last_rate_share) * cosine)


class SelfTraining:
    """One training run: network, loss and optimiser, and the targets of the current round."""

    def __init__(self, slices: SliceSet, regions: Sequence[Sequence[Region]], recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.slices, self.regions, self.recipe = slices, regions, recipe
        self.network = DCFPN(1, recipe.classes, recipe.channels)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.loss = EvidenceLoss()
        self.optimiser = torch.optim.AdamW(
            [
                {"params": self.network.parameters(), "factor": 1.0},
                {"params": self.loss.parameters(), "factor": recipe.loss_rate_factor, "weight_decay": 0.0},
            ],
            recipe.learning_rate,
            weight_decay=recipe.weight_decay,
        )
        self.images = torch.from_numpy(np.ascontiguousarray(slices.images))[:, None]  # (N, 1, H, W)
        self.labels = torch.from_numpy(slices.labels)
        self.chances = sampling_chances(slices, recipe.shares)
        self.order = np.random.default_rng(recipe.seed)
        self.steps_per_epoch = len(slices) // recipe.batch_size
        self.step = 0

    def run(self, report: Callable[[str], None]) -> DCFPN:
        """Train all rounds and return the network in evaluation mode; ``report`` takes a line per epoch."""
        scores = saliencies(self.slices, self.regions, self.recipe.infiltrating)
        shape = self.slices.images.shape[1:]
        targets = self._targets(lambda index: saliency_target(self.regions[index], scores[index], shape))
        for number, epochs in enumerate(self.recipe.rounds, 1):
            if number > 1:
                evidence = self.evidence()
                targets = self._targets(partial(self._explained, scores, evidence))
            for epoch in range(1, epochs + 1):
                report(f"round {number}, epoch {epoch} of {epochs}: {self._epoch(targets, swaps=number > 1)}")
        return self.network.eval()

    def _explained(self, scores: Sequence[NDArray], evidence: NDArray[np.float32], index: int) -> NDArray[np.float32]:
        return network_target(self.regions[index], scores[index], evidence[index])

    def _targets(self, explain: Callable[[int], NDArray[np.float32]]) -> Tensor:
        targets = np.zeros(self.slices.images.shape, dtype=np.float16)
        for index in np.flatnonzero(self.slices.labels).tolist():
            targets[index] = explain(index)
        return torch.from_numpy(targets)

    def _epoch(self, targets: Tensor, *, swaps: bool) -> str:
        self.network.train()
        losses = np.zeros(2)
        for _ in range(self.steps_per_epoch):
            chosen = self.order.choice(len(self.slices), self.recipe.batch_size, p=self.chances)
            batch = Batch(self.images[chosen], targets[chosen].float(), self.labels[chosen])
            if swaps:
                batch = counterfactual(batch)
            losses += self._update(*augment(batch.images, batch.targets), batch.labels)
        classification, evidence = losses / self.steps_per_epoch
        return f"classification loss {classification:.3f}, evidence loss {evidence:.3f}"

    def _update(self, images: Tensor, targets: Tensor, labels: Tensor) -> tuple[float, float]:
        total = self.steps_per_epoch * sum(self.recipe.rounds)
        for group in self.optimiser.param_groups:
            group["lr"] = group["factor"] * self.recipe.rate(self.step / total, self.step)
        with torch.autocast("cpu", torch.bfloat16):
            features = self.network.features(images.contiguous(memory_format=torch.channels_last))
            logits = self.network.classify(features)
        smoothing = self.recipe.label_smoothing
        classification = functional.cross_entropy(logits.float(), labels, label_smoothing=smoothing)
        evidence = self.loss(evidence_maps(self.network, features), targets)
        self.optimiser.zero_grad()
        (classification + self.recipe.evidence_weight * evidence).backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.largest_gradient)
        self.optimiser.step()
        self.step += 1
        return classification.item(), evidence.item()

    @torch.inference_mode()
    def evidence(self) -> NDArray[np.float32]:
        """Evidence at the finest scale of every training slice, 0 to 1, shape (N, H, W)."""
        self.network.eval()
        maps = []
        for images in self.images.split(32):
            with torch.autocast("cpu", torch.bfloat16):
                features = self.network.features(images.contiguous(memory_format=torch.channels_last))
            maps.append(self.loss.rescale(evidence_maps(self.network, features), 1).sigmoid())
        return torch.cat(maps).numpy()


def sampling_chances(slices: SliceSet, shares: Mapping[tuple[str, int], float]) -> NDArray[np.float64]:
    """Chance of each slice to be drawn, so that every (site, label) has its share of the batches, shape (N,)."""
    chances = np.zeros(len(slices))
    for (site, label), share in shares.items():
        members = (slices.sites == site) & (slices.labels == label)
        if members.any():
            chances[members] = share / members.sum()
    return chances / chances.sum()
