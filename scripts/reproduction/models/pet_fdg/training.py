"""Trains pet-fdg: on simulated bodies first, then also on real scans, and once more without each fold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from CAMLocalizerLib.models import save_model

from .recipe import (
    POINTS,
    CandidateRecipe,
    candidate_card,
    first_network,
    read_points,
    real_scans,
    second_network,
    simulated_bodies,
)


def train(
    data: Path,
    output: Path,
    recipe: CandidateRecipe,
    *,
    folds: bool = False,
    workers: int = 1,
    report: Callable[[str], None] = print,
) -> None:
    """Train the bundles; an interrupted call resumes with what is missing.

    Args:
        data: folder with pet_wholebody_sts001 and pet_sts_cropped.
        output: gets ``pet-fdg``, ``simulated-only``, a bundle per fold, and what they need.
        recipe: how to train.
        folds: whether to train a network per fold that did not see its patients.
        workers: processes that simulate.
        report: takes a line per step.
    """
    work = output / "work"
    simulated = simulated_bodies(recipe, work, workers)
    bodies, tumours = recipe.bodies + recipe.usual_bodies, int((simulated.labels == 1).sum())
    report(f"{bodies} simulated bodies: {len(simulated)} candidates, {tumours} of them tumours")
    real = list(real_scans(read_points(POINTS, data), recipe, work))
    report(f"{len(real)} real scans: {sum(len(found) for _, found in real)} candidates")
    first = first_network(simulated, recipe, work, report=report)
    save_model(output / "simulated-only", candidate_card("pet-fdg-simulated-only"), first)
    for fold in [*sorted({scan.fold for scan, _ in real} if folds else set()), 0]:
        name = f"fold-{fold}" if fold else "pet-fdg"
        if (output / name / "model.json").exists():
            continue
        report(f"{name}:")
        seen = [found for scan, found in real if scan.fold != fold]
        network = second_network(first, simulated, seen, recipe, report=report)
        save_model(output / name, candidate_card(name), network)
