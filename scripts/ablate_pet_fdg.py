"""Measure what projections, slabs and numbers bring to the PET model: python3 scripts/ablate_pet_fdg.py --data DIR

Each variant is trained once on the simulated bodies of `scripts/train_pet_fdg.py`, with one member and the rest equal,
and judges the candidates of the real scans. Writes a table into docs/results/pet-fdg.
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
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "pet-fdg" / "ablation.md")
    return parser.parse_args()


def main() -> None:
    """Train every variant and write the table."""
    from reproduction.models.pet_fdg.ablation import write_table

    chosen = options()
    write_table(chosen.data, chosen.training, chosen.output)


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
