"""Measure what refinement along image edges gains: python3 scripts/evaluate_refinement.py --data DIR --training DIR

Each network of --training, the output folder of ``camlocalizer train``, is run over the patients that its fold held
out, and its label maps are refined by each method. The constants of the methods were chosen on the patients of folds 1
and 2. These are left out unless --all is given, and then listed by themselves. Writes table.csv and table.md to
--output.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from _environment import ROOT, ensure_environment, environment_python, run


def options() -> argparse.Namespace:
    """Read the command line."""
    from reproduction.models.brain_t1ce.cases import TRAINING

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with figshare_brain_tumor and brain3d_btp")
    parser.add_argument("--training", type=Path, default=TRAINING, help="output folder of camlocalizer train")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "refinement")
    parser.add_argument("--all", action="store_true", help="also the folds on which the constants were chosen")
    parser.add_argument("--every", type=int, default=1, help="take every n-th case only")
    return parser.parse_args()


def main() -> None:
    """Measure, print, write."""
    from reproduction.evaluations.refinement import measured, summary, write

    chosen = options()
    lines = summary(list(measured(chosen.data, chosen.training, everyone=chosen.all, every=chosen.every)))
    for entry in lines:
        print(" ".join(entry.values()))
    write(lines, chosen.output)


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
