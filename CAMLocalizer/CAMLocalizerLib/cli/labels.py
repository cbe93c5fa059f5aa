"""The command ``labels``."""

from __future__ import annotations

import argparse
from pathlib import Path

from .loading import loading

EXAMPLE = """example:
  camlocalizer labels scans --output scans/labels.csv
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "labels",
        help="write the answers of a worklist as a table for training",
        description="Write what readers said in camlocalizer review FOLDER as the table that camlocalizer train reads. "
        "Of several readers the majority counts; where there is none, the case is left out.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    put = parser.add_argument
    put("folder", type=Path, metavar="FOLDER", help="folder of scans, results of a batch, or worklist folder in them")
    put("--output", type=Path, metavar="FILE.csv", help="the table (default: labels.csv in the worklist folder)")
    put("--readers", metavar="NAMES", help="whose answers count, separated by commas (default: all)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the answers of a worklist.

    Returns:
        0.

    Raises:
        CAMLocalizerError: no worklist, no answer, or a table that cannot be written.
    """
    with loading(options):
        from ..core import OutputError
        from ..worklist import export_labels

    if options.output is not None and options.output.suffix.lower() != ".csv":
        raise OutputError(f"{options.output}: the table must be named .csv")
    path, labels = export_labels(options.folder, options.output, readers=split_names(options.readers))
    print(f"{path}: {labels.summary()}")
    for note in labels.notes:
        print(f"note: {note}")
    return 0


def split_names(text: str | None) -> tuple[str, ...]:
    """Return names that are separated by commas."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
