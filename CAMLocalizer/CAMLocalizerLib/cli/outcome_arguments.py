"""Arguments of ``outcome``."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = """example:
  camlocalizer outcome features.csv outcomes.csv --output response
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "outcome",
        help="predict an outcome from radiomics",
        description="Predict a yes-or-no outcome of patients, such as response to treatment, from radiomics. Every "
        "case is predicted by a model that never saw its patient (nested cross-validation, features chosen inside "
        "the folds). Writes outcome.csv, outcome.json and roc.png.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    put = parser.add_argument
    put("features", type=Path, metavar="FEATURES.csv", help="table of 'camlocalizer radiomics', a row per image")
    put("outcomes", type=Path, metavar="OUTCOMES.csv", help="columns Image, outcome (0 or 1) and perhaps patient")
    put("--output", required=True, type=Path, metavar="DIR", help="where the results are written")
    put("--overwrite", action="store_true", help="replace earlier results")
    put("--segment", metavar="NAME", help="segment to take, where an image has several")
    put("--classifier", default="logistic", choices=("logistic", "forest"), help="default: %(default)s")
    put("--folds", type=int, default=5, metavar="N", help="outer folds by patient (default: %(default)s)")
    put("--seed", type=int, default=0, metavar="N", help="of folds, classifier and intervals (default: %(default)s)")
