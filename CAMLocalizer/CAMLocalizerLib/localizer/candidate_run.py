"""Finds the candidates of uptake in a PET and has a network judge each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..core import CAMLocalizerError, Volume
from ..models import ModelCard
from ..segment import Candidates, find_candidates
from ..segment.candidate_features import candidate_features
from ..segment.candidate_views import candidate_views
from ..views import ProjectionPair
from .candidate_localization import CandidateLocalization
from .inference import Progress

SCALE = 1
AT_ONCE = 64
CUT_OUT_MM = 400.0
CUT_OUT_LOG_ODDS = 2.2  # 10 % become 50 %: nobody cuts a part out of a body for nothing


def classify_candidates(
    pair: ProjectionPair,
    network: nn.Module,
    card: ModelCard,
    *,
    device: torch.device,
    known: Mapping[str, Any],
    progress: Progress | None = None,
) -> CandidateLocalization:
    """Find and judge candidates.

    Args:
        pair: projections of the PET in SUV.
        network: takes ``(images, numbers)`` of candidates and gives their logits.
        card: of the model.
        device: where the network lies.
        known: further fields of the result.
        progress: called with (candidates done, candidates).

    Raises:
        CAMLocalizerError: the network gave a score that is not finite.
    """
    candidates = find_candidates(pair.volume)
    prior = CUT_OUT_LOG_ODDS if is_cut_out(pair.volume) else 0.0
    scores = judge(candidates, network, card, device, progress, prior=prior)
    spread = np.concatenate([[0], scores]).astype(np.float32)[candidates.basins][::-1]  # from superior to inferior
    maps = np.zeros((len(pair), *reversed(pair.pixels)), dtype=np.float32)
    for plane, projected in enumerate((spread.max(axis=1), spread.max(axis=2))):
        maps[plane, : projected.shape[0], : projected.shape[1]] = projected[: maps.shape[1], : maps.shape[2]]
    highest = float(scores.max(initial=0.0))
    one = [highest if name in card.tumour_classes else 1 - highest for name in card.classes]
    return CandidateLocalization(
        pair,
        {SCALE: maps},
        {SCALE: 1},
        np.array([one] * len(pair), dtype=np.float32),
        card,
        basins=candidates.basins,
        scores=scores,
        **known,
    )


def is_cut_out(volume: Volume) -> bool:
    """Tell whether a volume is a small part of a body, no side of 40 cm, as readers cut one out around a finding."""
    longest = max(count * mm for count, mm in zip(volume.grid.size, volume.grid.spacing_mm, strict=True))
    return longest < CUT_OUT_MM


def judge(
    candidates: Candidates,
    network: nn.Module,
    card: ModelCard,
    device: torch.device,
    progress: Progress | None = None,
    *,
    prior: float = 0.0,
) -> NDArray[np.float32]:
    """Return the probability of each candidate to be a tumour, shape (candidates,).

    Args:
        candidates: of one volume.
        network: as above.
        card: of the model.
        device: where the network lies.
        progress: as above.
        prior: added to the log-odds.

    Raises:
        CAMLocalizerError: as above.
    """
    images, numbers = candidate_views(candidates), candidate_features(candidates)
    scores = np.zeros(len(candidates), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(candidates), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            views, rows = (torch.from_numpy(array[part]).to(device) for array in (images, numbers))
            logits = network(views, rows) / card.temperature + prior
            if not bool(logits.isfinite().all()):
                raise CAMLocalizerError(f"{card.name} gave no finite score for a candidate; use another model")
            scores[part] = torch.sigmoid(logits).cpu().numpy()
            if progress is not None:
                progress(min(part.stop, len(candidates)), len(candidates))
    return scores
