"""Train the bundled PET model on simulated bodies: python3 scripts/train_pet_fdg.py --output DIR"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from _environment import ROOT, ensure_environment, environment_python, run


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "runs" / "pet-fdg" / "pet-fdg", help="the bundle")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "pet-fdg", help="images and checkpoints")
    parser.add_argument("--patients", type=int, help="simulated patients to learn from, if other than the recipe's")
    parser.add_argument("--epochs", type=int, help="if other than the recipe's")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that simulate")
    return parser.parse_args()


def main() -> None:
    """Train; an interrupted call goes on."""
    from CAMLocalizerLib.training.pet_fdg import RECIPE, train_pet

    chosen = options()
    recipe = replace(RECIPE, patients=chosen.patients or RECIPE.patients)
    if chosen.epochs:
        recipe = replace(recipe, options=replace(recipe.options, epochs=chosen.epochs))
    train_pet(chosen.output, chosen.work, recipe, workers=chosen.workers, report=partial(print, flush=True))
    print(f"{chosen.output} is written; measure it with scripts/evaluate_pet_fdg.py")


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
