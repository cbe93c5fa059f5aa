"""Arguments of ``evaluate``."""

from __future__ import annotations

import argparse
from pathlib import Path

BASELINES = ("largest-bright", "suv-4", "suv-2.5", "41%")
EXAMPLE = """examples:
  camlocalizer evaluate brain-t1ce slices.csv --masks masks --output quality
  camlocalizer evaluate my-training slices.csv --masks masks --output quality
  camlocalizer evaluate brain-t1ce slices.csv --masks masks --filters --output filters
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "evaluate",
        help="measure a model on labelled images",
        description="Measure a model's label maps and probabilities on labelled images, beside plain thresholds and "
        "with intervals by patient (docs/evaluate.md). Writes figures.json, cases.csv, table.md, cases.png and "
        "reliability.png. With --filters, train its network anew on images multiplied by the model's maps, by the "
        "tumours' masks and by what is around them instead (docs/filters.md).",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    put = parser.add_argument
    put("model", metavar="MODEL", help="model bundle, its name or folder; or a training folder with folds")
    put(
        "data", type=Path, metavar="DATA", help="CSV with file, label, patient, and perhaps slice, mask, site and plane"
    )
    put("--output", required=True, type=Path, metavar="DIR", help="where the results are written")
    put("--images", type=Path, metavar="DIR", help="folder of the images (default: DATA's own)")
    put("--masks", type=Path, metavar="DIR", help="folder of masks named like the images (default: DATA's column mask)")
    put("--column", action="append", default=[], metavar="NAME=COLUMN", help="what a column is called in DATA")
    put(
        "--baseline",
        action="append",
        default=[],
        choices=(*BASELINES, "none"),
        help="compare with a plain threshold; may be given again (default: by the model's unit and modality)",
    )
    put("--device", default="auto", metavar="auto|cpu|cuda|cuda:N|mps", help="where to compute (default: %(default)s)")
    put("--seed", type=int, default=0, metavar="N", help="of intervals, folds and training (default: %(default)s)")
    put("--overwrite", action="store_true", help="replace earlier results")
    _add_filters(parser)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("retraining on filtered images").add_argument
    add("--filters", action="store_true", help="train the model's network anew, four times per fold")
    add("--folds", type=int, default=5, metavar="N", help="folds by patient, if DATA has none (default: %(default)s)")
    add("--epochs", type=int, default=20, metavar="N", help="of each training (default: %(default)s)")
    add("--batch-size", type=int, default=16, metavar="N", help="images per step (default: %(default)s)")
    add("--learning-rate", type=float, default=1e-3, metavar="X", help="of Adam (default: %(default)s)")
