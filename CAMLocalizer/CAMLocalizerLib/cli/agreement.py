"""The command ``agreement``."""

from __future__ import annotations

import argparse
import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

from .labels import split_names
from .loading import loading

if TYPE_CHECKING:
    from ..worklist import Agreement
    from ..worklist.agreement import Measure

EXAMPLE = """examples:
  camlocalizer agreement scans
  camlocalizer agreement anna/scans ben/scans --output agreement.csv
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "agreement",
        help="compare what two readers said about the same cases",
        description="Print Cohen's kappa of two readers' answers with confidence intervals of 95 %, and Dice of the "
        "label maps that both judged right. A and B are worklists (folders of scans or results) or tables "
        "that camlocalizer labels wrote; A alone must have two readers.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    put = parser.add_argument
    put("first", type=Path, metavar="A", help="worklist or table")
    put("second", type=Path, nargs="?", metavar="B", help="worklist or table of the other reader")
    put("--readers", metavar="NAMES", help="the two readers, separated by a comma, where there are more")
    put("--output", type=Path, metavar="FILE.csv", help="also write a line per case or slice")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare two readers.

    Returns:
        0.

    Raises:
        CAMLocalizerError: not two readers, nothing in common, or a table that cannot be written.
    """
    with loading(options):
        from ..core import OutputError
        from ..io.writing import whole_file
        from ..worklist import agreement, find_readers

    if options.output is not None and options.output.suffix.lower() != ".csv":
        raise OutputError(f"{options.output}: the table must be named .csv")
    paths = [path for path in (options.first, options.second) if path is not None]
    found = agreement(*find_readers(paths, split_names(options.readers)))
    print(f"{found.readers[0]} and {found.readers[1]}: {len(found.rows)} cases and slices in common")
    for measure in found.kappas:
        same = f"{100 * measure.same:.0f} % of {measure.count} the same"
        print(f"  {measure.name}: kappa {_words(measure)}, {same}")
    if found.dice is not None:
        print(f"  {found.dice.name}: {_words(found.dice)}, mean of {found.dice.count}")
    if options.output is not None:
        with whole_file(options.output) as partial:
            partial.write_text(_table(found), encoding="utf-8", newline="")
        print(f"  {options.output}")
    return 0


def _words(measure: Measure) -> str:
    if math.isnan(measure.value):
        return "undefined (only one answer was used)"
    interval = "" if math.isnan(measure.low) else f" (95 % from {measure.low:.2f} to {measure.high:.2f})"
    return f"{measure.value:.2f}{interval}"


def _table(found: Agreement) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(found.rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(found.rows)
    return stream.getvalue()
