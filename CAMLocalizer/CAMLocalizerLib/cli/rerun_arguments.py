"""Arguments of ``rerun``."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = """example:
  camlocalizer rerun results/brain/report.json
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "rerun",
        help="compute a result again from its report",
        description="Compute the label map of a report again, from the same volume (checked by checksum) with the same "
        "model and settings, and say whether it is the same. Ends with 1 if it is not.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    put = parser.add_argument
    put("report", type=Path, metavar="report.json", help="report of a case")
    put("--input", type=Path, metavar="FILE|DIR", help="the volume, or where it is looked for (default: this folder)")
    put("--series", metavar="UID", help="DICOM series, where a folder has several; UID#2 is its stack 2")
    put("--model", metavar="NAME|FOLDER", help="bundle (default: the report's)")
    put("--output", type=Path, metavar="DIR", help="also write the files of the case into DIR/<case>")
    put("--device", default="auto", metavar="auto|cpu|cuda|cuda:N|mps", help="where to compute (default: %(default)s)")
