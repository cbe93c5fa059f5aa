"""Arguments of ``train``."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = """example:
  camlocalizer train brain.toml --output brain-training
  camlocalizer localize case.nii.gz --model brain-training/my-model --output results
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "train",
        help="train a network on labelled images",
        description="Train a network on a folder of images and a table of labels, as CONFIG says (docs/training.md), "
        "measure it by cross-validation and write a model bundle.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", type=Path, metavar="CONFIG", help="configuration in TOML or JSON")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="folder of the training (default: CONFIG's name without ending)"
    )
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--resume", action="store_true", help="go on with the training that DIR holds")
    group.add_argument("--overwrite", action="store_true", help="replace the training that DIR holds")
