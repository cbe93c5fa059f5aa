"""Measure the bundled PET model: python3 scripts/evaluate_pet_fdg.py --data DIR --training DIR

On real scans, each patient by a network that did not see it, and on simulated bodies that none saw, beside plain
thresholds and, with --paper, the network of the PET paper. Writes table.md, cases.csv, froc.csv and froc.png.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from _environment import ROOT, ensure_environment, environment_python, run


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with pet_wholebody_sts001 and the others")
    parser.add_argument("--training", type=Path, default=ROOT / "runs" / "pet-fdg", help="output of train_pet_fdg.py")
    parser.add_argument("--model", type=Path, default=ROOT / "Resources" / "models" / "pet-fdg")
    parser.add_argument("--paper", type=Path, help="bundle with the network of the PET paper")
    parser.add_argument("--simulated", type=int, default=20, help="simulated bodies of each kind")
    parser.add_argument("--card", action="store_true", help="write the model's figures into its card")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "pet-fdg")
    return parser.parse_args()


def main() -> None:
    """Evaluate and write."""
    from reproduction.models.pet_fdg.evaluation import evaluate

    chosen = options()
    evaluate(
        chosen.data,
        chosen.training,
        chosen.model,
        chosen.output,
        paper=chosen.paper,
        simulated=chosen.simulated,
        card=chosen.card,
    )


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
