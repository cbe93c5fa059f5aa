"""Arguments of the command line; nothing heavy is imported to read them."""

from __future__ import annotations

import argparse

from ..version import VERSION
from . import (
    agreement,
    batch,
    catalogue,
    compare,
    evaluate,
    follow_up,
    info,
    labels,
    localize,
    outcome,
    radiomics,
    rerun,
    review,
    train,
)

COMMANDS = (
    localize,
    batch,
    train,
    evaluate,
    compare,
    review,
    labels,
    agreement,
    follow_up,
    radiomics,
    rerun,
    outcome,
    catalogue,
    info,
)
EXAMPLE = """example:
  camlocalizer localize brain.nii.gz --output results
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``camlocalizer`` with its commands."""
    parser = argparse.ArgumentParser(
        prog="camlocalizer",
        description="Find tumours in medical images from the class activation maps of classifiers. "
        "For research; not a medical device.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"camlocalizer {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser
