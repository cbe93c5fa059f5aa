"""Arguments of ``batch``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

EXAMPLE = """examples:
  camlocalizer batch archive --output results
  camlocalizer batch volumes.csv --output results --scheduler tcp://node1:8786
"""


def add(commands: argparse._SubParsersAction, add_choices: Callable[[argparse.ArgumentParser], None]) -> None:
    """Add the command to the parser.

    Args:
        commands: of the parser.
        add_choices: adds the arguments that ``localize`` has too.
    """
    parser = commands.add_parser(
        "batch",
        help="localise in a whole archive, with all cores, GPUs or a cluster",
        description="For each volume of INPUT write a folder DIR/<case>/ as localize does, and beside them cases.csv, "
        "summary.csv and failures.csv. The same command again goes on where it was ended, however that came.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    put = parser.add_argument
    put(
        "archive",
        type=Path,
        metavar="INPUT",
        help="folder tree of NRRD, NIfTI, MetaImage and DICOM, or CSV table with file and perhaps case, series",
    )
    put("--output", required=True, type=Path, metavar="DIR", help="where the case folders and tables are written")
    put("--pattern", default="*", metavar="GLOB", help="names of files to take in a folder tree, such as '*_T1.nii.gz'")
    put("--workers", type=int, metavar="N", help="processes (default: one per GPU, or as cores and memory allow)")
    put(
        "--scheduler",
        metavar="ADDRESS",
        help="of a Dask scheduler to work with instead; its workers see INPUT and DIR under the same paths",
    )
    add_choices(parser)
