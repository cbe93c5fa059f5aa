"""Training of a network of candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from CAMLocalizerLib.networks.candidate_network import CandidateNetwork
from CAMLocalizerLib.segment.candidate_features import FEATURES

from .labelling import TUMOUR
from .samples import CandidateSamples

TUMOUR_SHARE = 0.4  # of the candidates that are drawn
CERTAINTY = 0.96  # a label of 1 counts as 0.98, one of 0 as 0.02
LEAST_DEVIATION = 1e-3
LEFT = FEATURES.index("position to the left")
CORONAL = 0


@dataclass(frozen=True)
class CandidateOptions:
    """How a network of candidates is trained.

    Args:
        epochs: rounds of ``candidates_per_epoch``.
        candidates_per_epoch: drawn with replacement.
        batch_size: candidates per step.
        learning_rate: highest, of a one-cycle schedule.
        weight_decay: of AdamW.
        scale_spread: of the SUV of a candidate's images, logarithmic.
        noise: on the numbers, in standard deviations of each.
        mixed: compute in bfloat16 where nothing is lost by it; twice as fast on processors that have it.
        seed: of weights, draws and changes.
    """

    epochs: int = 8
    candidates_per_epoch: int = 8000
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    scale_spread: float = 0.12
    noise: float = 0.1
    mixed: bool = True
    seed: int = 0


def fit_candidates(
    network: CandidateNetwork,
    parts: Sequence[tuple[CandidateSamples, float]],
    options: CandidateOptions,
    *,
    standardise: bool = True,
    report: Callable[[str], None] = lambda _line: None,
) -> CandidateNetwork:
    """Train a network on candidates of several sources.

    Of each source's draws 40 % are tumours, and a body with many candidates counts for more than one with few, but not
    in proportion. Candidates are mirrored in half of the draws, their uptake is scaled and their numbers are disturbed.

    Args:
        network: changed in place.
        parts: samples of each source and its share of the draws.
        options: how to train.
        standardise: take mean and deviation of the numbers from the samples; otherwise the network keeps its own.
        report: takes a line per epoch.

    Returns:
        The network in evaluation mode.
    """
    torch.manual_seed(options.seed)
    draws = torch.Generator().manual_seed(options.seed)
    samples = CandidateSamples.joined([part for part, _ in parts])
    weights = torch.from_numpy(np.concatenate([share * _weights(part) for part, share in parts]))
    images, numbers = torch.from_numpy(samples.images), torch.from_numpy(samples.numbers)
    labels = torch.from_numpy(samples.labels.astype(np.float32)) * CERTAINTY + (1 - CERTAINTY) / 2
    if standardise:
        network.mean.copy_(numbers.mean(dim=0))
        network.deviation.copy_(numbers.std(dim=0).clamp(min=LEAST_DEVIATION))
    steps = options.candidates_per_epoch // options.batch_size
    optimiser = torch.optim.AdamW(network.parameters(), options.learning_rate, weight_decay=options.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.learning_rate, total_steps=options.epochs * steps)
    for epoch in range(1, options.epochs + 1):
        network.train()
        chosen = torch.multinomial(weights, steps * options.batch_size, replacement=True, generator=draws)
        total = 0.0
        for batch in chosen.view(steps, -1):
            views, rows = _changed(images[batch].float(), numbers[batch], network.deviation, options, draws)
            with torch.autocast("cpu", torch.bfloat16, enabled=options.mixed):
                logits = network.evidence(views, rows).float().sum(dim=2)  # each member learns by itself
            loss = binary_cross_entropy_with_logits(logits, labels[batch].expand_as(logits))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        report(f"epoch {epoch} of {options.epochs}: loss {total / steps:.4f}")
    return network.eval()


def _weights(samples: CandidateSamples) -> NDArray[np.float64]:
    """Weigh the candidates of one source; they sum to 1."""
    weights = np.zeros(len(samples))
    tumour = samples.labels == TUMOUR
    for kind, share in ((tumour, TUMOUR_SHARE), (~tumour, 1 - TUMOUR_SHARE)):
        if kind.any():
            _, body, count = np.unique(samples.bodies[kind], return_inverse=True, return_counts=True)
            each = 1 / np.sqrt(count[body])
            weights[kind] = share * each / each.sum()
    return weights / weights.sum()


def _changed(
    images: Tensor, numbers: Tensor, deviation: Tensor, options: CandidateOptions, draws: torch.Generator
) -> tuple[Tensor, Tensor]:
    mirrored = torch.rand(len(images), generator=draws) < 0.5
    images[mirrored, CORONAL] = images[mirrored, CORONAL].flip(-1)
    scale = torch.exp(torch.randn(len(images), 1, 1, 1, 1, generator=draws) * options.scale_spread)
    rows = numbers + torch.randn(numbers.shape, generator=draws) * deviation * options.noise
    if rows.shape[1]:
        rows[mirrored, LEFT] *= -1
    return torch.log1p(torch.expm1(images) * scale), rows
