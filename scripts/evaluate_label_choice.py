"""Measure labels chosen by uncertainty and at random: python3 scripts/evaluate_label_choice.py --data DIR

A model is trained on 50 slices and fine-tuned on 100, 200 and 400, by `camlocalizer train --from`. What is finished in
--work is not done again, so that an interrupted run resumes. Writes table.md, figures.json and curves.png to --output.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from _environment import ROOT, ensure_environment, environment_python, run


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with figshare_brain_tumor, brain3d_btp and brain_ms_t1post"
    )
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "label-choice", help="keeps what is finished")
    parser.add_argument("--seeds", type=int, default=2, help="number of first sets of labels")
    parser.add_argument("--spacing-mm", type=float, default=2.0, help="of the pixels; 1 takes four times as long")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "label-choice")
    return parser.parse_args()


def main() -> None:
    """Train, measure and write the results."""
    from reproduction.evaluations.label_choice import Choice
    from reproduction.evaluations.label_choice_report import write_report

    chosen = options()
    study = Choice(chosen.data, chosen.work, tuple(range(chosen.seeds)), chosen.spacing_mm)
    study.run()
    write_report(study, chosen.output)


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
