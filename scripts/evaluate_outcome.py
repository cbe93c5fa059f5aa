"""Measure the prediction of outcomes from radiomics: python3 scripts/evaluate_outcome.py

On public tables of real patients: survival with lung cancer (Carvalho et al. 2018) and nine yes-or-no outcomes
(radMLBench), each beside volume alone and shuffled outcomes; table.md and pictures. On simulated bodies, localised by
the bundled PET model: outcomes drawn that follow the true tumour's volume and peak uptake, or nothing; simulated.md
and ROC pictures. All go to --output.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from _environment import ROOT, ensure_environment, environment_python, run


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("real", "simulated"), help="one of the two parts")
    parser.add_argument(
        "--data",
        type=Path,
        default=ROOT.parent / "shared" / "data" / "radiomics_outcome",
        help="folder with the tables of real patients",
    )
    parser.add_argument("--shuffles", type=int, default=12, help="studies of shuffled outcomes of real patients")
    parser.add_argument("--patients", type=int, default=120, help="simulated bodies")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "outcome", help="where features are kept")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "outcome")
    return parser.parse_args()


def main() -> None:
    """Measure, study, write."""
    from reproduction.evaluations.outcome import real, simulated

    chosen = options()
    chosen.output.mkdir(parents=True, exist_ok=True)
    if chosen.only in (None, "real"):
        lines = real(chosen.data, chosen.work, chosen.output, chosen.shuffles)
        (chosen.output / "table.md").write_text("\n".join([*lines, ""]), encoding="utf-8")
    if chosen.only in (None, "simulated"):
        lines = simulated(chosen.patients, chosen.work, chosen.output)
        (chosen.output / "simulated.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
