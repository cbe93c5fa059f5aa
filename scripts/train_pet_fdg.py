"""Train the bundled PET model: python3 scripts/train_pet_fdg.py --data DIR --output DIR

Simulated bodies first, then also the real scans of Resources/training/pet-fdg/points.csv, of each of which one point
per tumour is known. With --folds it also trains the networks that its evaluation needs; --paper trains the eight-layer
network of the PET paper instead, on simulated bodies with one tumour each. An interrupted call resumes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from _environment import ROOT, ensure_environment, environment_python, run


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with pet_wholebody_sts001, pet_sts_cropped")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "runs" / "pet-fdg", help="bundle, folds and what they need"
    )
    parser.add_argument("--bodies", type=int, help="simulated bodies to learn from, if other than the recipe's")
    parser.add_argument("--folds", action="store_true", help="also a network per fold that did not see its patients")
    parser.add_argument("--paper", action="store_true", help="the paper's network into OUTPUT-paper, for comparison")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that simulate")
    return parser.parse_args()


def main() -> None:
    """Simulate, train, write."""
    from reproduction.models.pet_fdg.recipe import CandidateRecipe
    from reproduction.models.pet_fdg.training import train

    chosen, begin = options(), time.monotonic()
    if chosen.paper:
        train_papers_network(chosen)
        return
    recipe = CandidateRecipe()
    if chosen.bodies:
        recipe = replace(recipe, bodies=chosen.bodies)
    report = partial(print, flush=True)
    train(chosen.data, chosen.output, recipe, folds=chosen.folds, workers=chosen.workers, report=report)
    minutes = (time.monotonic() - begin) / 60
    report(f"{chosen.output} is written ({minutes:.0f} min); measure it with evaluate_pet_fdg.py")


def train_papers_network(chosen: argparse.Namespace) -> None:
    """Train the network that was `pet-fdg` up to version 1."""
    from reproduction.papers.pet_mip.recipe import RECIPE, train_pet

    folder = chosen.output.with_name(f"{chosen.output.name}-paper")
    recipe = replace(RECIPE, patients=chosen.bodies or RECIPE.patients)
    train_pet(folder, folder / "work", recipe, workers=chosen.workers, report=partial(print, flush=True))


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
