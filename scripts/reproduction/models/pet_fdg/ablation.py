"""What projections, slabs and numbers bring to pet-fdg: networks that are shown less, on the same candidates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from CAMLocalizerLib.metrics import dice
from CAMLocalizerLib.networks.candidate_network import CandidateNetwork
from CAMLocalizerLib.segment import Basins, find_candidates
from CAMLocalizerLib.segment.candidate_features import candidate_features
from CAMLocalizerLib.segment.candidate_views import candidate_views
from CAMLocalizerLib.segment.candidates import EDGE_MM
from CAMLocalizerLib.views import isotropic

from . import CandidateOptions, CandidateSamples, fit_candidates, lesion_labels
from .cases import CROPS, SIMULATED, WHOLE, PETCase, real_cases, simulated_cases
from .recipe import POINTS, CandidateRecipe, read_points, simulated_bodies

SLAB, BODY, OVERVIEW = 0, 1, 2  # of the views of a candidate
# Settings of the network, and the views that it is shown.
VARIANTS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "all": ({}, (SLAB, BODY, OVERVIEW)),
    "numbers alone": ({"projections": False}, ()),
    "projections alone": ({"features": 0}, (SLAB, BODY, OVERVIEW)),
    "projections alone, without slabs": ({"features": 0}, (BODY, OVERVIEW)),
    "projections alone, slabs only": ({"features": 0}, (SLAB,)),
}
EPOCHS = 8
NOTE = """\
Made by `scripts/ablate_pet_fdg.py`: trained on simulated bodies alone, one member, seed 0, the rest equal. AUC of
candidates that are tumours against those that are not: of 20 simulated bodies with other seeds, and of the two real
whole bodies; Dice of the 41 sarcoma crops when candidates above probability 0.1 are outlined, or else the most
probable one."""


@dataclass(frozen=True, eq=False)
class _DescribedCase:
    case: PETCase
    images: NDArray[np.float32]
    numbers: NDArray[np.float32]
    labels: NDArray[np.int8]
    basins: Any


def write_table(data: Path, training: Path, path: Path) -> None:
    """Train every variant and write the table.

    Args:
        data: folder with pet_wholebody_sts001 and the others.
        training: output of scripts/train_pet_fdg.py, whose simulated bodies are used again.
        path: Markdown file to write.
    """
    folds = {scan.patient: scan.fold for scan in read_points(POINTS, data)}
    groups: dict[str, list[_DescribedCase]] = {SIMULATED: [], WHOLE: [], CROPS: []}
    for case in [*real_cases(data, folds), *simulated_cases(20)]:
        if case.group in groups:
            groups[case.group].append(_described(case))
    samples = simulated_bodies(CandidateRecipe(), training / "work", 1)
    lines = []
    for name, (settings, views) in VARIANTS.items():
        print(f"== {name}", flush=True)
        score = _trained(samples, settings, views)
        figures = [_auc(groups[group], score) for group in (SIMULATED, WHOLE)]
        lines.append(f"| {name} | {figures[0]:.3f} | {figures[1]:.3f} | {_dice(groups[CROPS], score):.3f} |")
        print(lines[-1], flush=True)
    titles = ("what the network is shown", "AUC, simulated bodies", "AUC, real bodies", "Dice, sarcoma crops")
    head = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    text = "\n".join(["# What projections, slabs and numbers bring", "", NOTE, "", *head, *lines, ""])
    path.write_text(text, encoding="utf-8")


def _described(case: PETCase) -> _DescribedCase:
    candidates = find_candidates(case.volume)
    lesions = isotropic(replace(case.volume, array_kji=case.lesions.astype(np.float32)), EDGE_MM).array_kji > 0.5
    basins = Basins(case.volume, candidates.basins, len(candidates))
    labels = lesion_labels(candidates, lesions)
    return _DescribedCase(case, candidate_views(candidates), candidate_features(candidates), labels, basins)


def _trained(samples: CandidateSamples, settings: dict[str, Any], views: tuple[int, ...]) -> Any:
    """Train a variant; returns what gives the probabilities of a case's candidates."""
    shown = replace(samples, images=_only(samples.images, views))
    if settings.get("features") == 0:
        shown = replace(shown, numbers=samples.numbers[:, :0])
    torch.manual_seed(0)
    network = CandidateNetwork(members=1, **settings)
    fit_candidates(network, [(shown, 1.0)], CandidateOptions(epochs=EPOCHS), report=partial(print, flush=True))

    def score(described: _DescribedCase) -> NDArray[np.float32]:
        with torch.inference_mode():
            images, numbers = torch.from_numpy(_only(described.images, views)), torch.from_numpy(described.numbers)
            scores: NDArray[np.float32] = torch.sigmoid(network(images, numbers)).numpy()
        return scores

    return score


def _only(images: NDArray, views: tuple[int, ...]) -> NDArray:
    """Leave views out."""
    kept = images.copy()
    kept[:, :, [view for view in (SLAB, BODY, OVERVIEW) if view not in views]] = 0
    return kept


def _auc(cases: list[_DescribedCase], score: Any) -> float:
    scores, labels = (np.concatenate(parts) for parts in zip(*((score(c), c.labels) for c in cases), strict=True))
    clear = labels >= 0
    return float(roc_auc_score(labels[clear], scores[clear]))


def _dice(cases: list[_DescribedCase], score: Any) -> float:
    found = []
    for described in cases:
        scores = score(described)
        chosen = np.flatnonzero(scores >= min(0.1, float(scores.max(initial=0.0)))).tolist()
        found.append(float(dice(described.basins.mask(chosen, "adaptive"), described.case.lesions)))
    return float(np.mean(found))
