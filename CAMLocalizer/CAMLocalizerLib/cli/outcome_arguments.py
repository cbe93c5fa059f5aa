"""Arguments of ``outcome``."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = """examples:
  camlocalizer outcome features.csv outcomes.csv --output response
  camlocalizer outcome features.csv survival.csv --time-unit months --horizon 2 --output survival
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "outcome",
        help="predict an outcome or a survival time from radiomics",
        description="Predict from radiomics a yes-or-no outcome of patients, such as response to treatment, or the "
        "time to an event, such as death. Every case is predicted by a model that never saw its patient (nested "
        "cross-validation, features chosen inside the folds), beside a model of the tumour's volume alone. Writes "
        "outcome.csv, outcome.json and pictures: roc.png, or kaplan-meier.png, calibration.png and auc.png.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    put = parser.add_argument
    put("features", type=Path, metavar="FEATURES.csv", help="table of 'camlocalizer radiomics', a row per image")
    put(
        "outcomes",
        type=Path,
        metavar="OUTCOMES.csv",
        help="columns Image and outcome (0 or 1), or Image, time and event (1 observed, 0 censored); perhaps patient",
    )
    put("--output", required=True, type=Path, metavar="DIR", help="where the results are written")
    put("--overwrite", action="store_true", help="replace earlier results")
    put("--segment", metavar="NAME", help="segment to take, where an image has several")
    put(
        "--model",
        "--classifier",
        choices=("logistic", "cox", "forest"),
        help="logistic or forest for outcomes (default: logistic), cox or forest for times (default: cox)",
    )
    put("--time-unit", choices=("days", "months", "years"), help="of the column time; needed with it")
    put("--horizon", type=float, metavar="YEARS", help="of AUC and calibration, with times (default: 2)")
    put("--volume", metavar="FEATURE", help="column with the volume (default: the shape feature of radiomics)")
    put("--shuffled", type=int, default=0, metavar="N", help="also N studies of shuffled outcomes, 0.5 if all is well")
    put("--folds", type=int, default=5, metavar="N", help="outer folds by patient (default: %(default)s)")
    put("--seed", type=int, default=0, metavar="N", help="of folds, model and intervals (default: %(default)s)")
