"""Measure follow-up: python3 scripts/evaluate_follow_up.py --data DIR

On simulated patients whose tumour doubles at a known pace, with the bundled PET model, and on the pairs of exams of
Brain-Tumor-Progression, against the outlines that come with them. A pair is measured by the network of the fold of
--training, the output folder of ``camlocalizer train``, that held the patient out. Writes table.md and plots to
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
    parser.add_argument("--patients", type=int, default=8, help="simulated patients")
    parser.add_argument("--data", type=Path, help="folder with brain3d_btp")
    parser.add_argument("--training", type=Path, default=TRAINING, help="output folder of camlocalizer train")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "follow-up", help="where exams are written")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "follow-up")
    return parser.parse_args()


def main() -> None:
    """Measure and write."""
    from reproduction.evaluations.follow_up import write_table

    chosen = options()
    write_table(chosen.patients, chosen.data, chosen.training, chosen.work, chosen.output)


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
