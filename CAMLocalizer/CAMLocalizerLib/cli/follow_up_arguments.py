"""Arguments of ``follow-up``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..option_names import DEFAULT_MODEL, VIEWS

EXAMPLE = """example:
  camlocalizer follow-up exams.csv --output follow-up
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "follow-up",
        help="follow the tumours of a patient through several exams",
        description="Localise in every exam of one patient by the same rule, register the exams, tell which tumour is "
        "which, and write volumes over time, growth and doubling times (follow-up.csv, follow-up.json, "
        "follow-up.png and a folder per exam).",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    put = parser.add_argument
    put(
        "exams",
        type=Path,
        metavar="FOLDER|TABLE.csv",
        help="DICOM series of one patient, or a table: file, date (2024-05-31), perhaps patient, series, label_map",
    )
    put("--output", required=True, type=Path, metavar="DIR", help="where the results are written")
    put("--model", default=DEFAULT_MODEL, metavar="NAME|FOLDER", help="model bundle (default: %(default)s)")
    put("--view", default="auto", choices=VIEWS, help="plane of the slices")
    put("--threshold", metavar="T", help="of the fused map, for all exams: 0.4, 200/255, q95 or otsu")
    put("--min-volume-ml", type=float, metavar="X", help="leave out smaller ones (default: 0.5; label maps: 0)")
    put("--keep-largest", type=int, metavar="N", help="number of components to keep in each exam")
    put("--resample", action="store_true", help="bring label maps of other grids onto those of their images")
    put("--device", default="auto", metavar="auto|cpu|cuda|cuda:N|mps", help="where to compute (default: %(default)s)")
