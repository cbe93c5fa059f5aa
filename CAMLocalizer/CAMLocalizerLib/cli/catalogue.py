"""The command ``models``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .loading import loading

if TYPE_CHECKING:
    from ..models import ModelCard

COLUMNS = ("NAME", "TITLE", "VERSION", "MODALITY", "VIEWS", "CLASSES", "MEASURED")


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("models", help="list the model bundles", description="List the model bundles.")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the bundles as a table.

    Returns:
        0, or 1 when a bundle is damaged.
    """
    with loading(options):
        from ..core import ModelError
        from ..models import bundled_models, load_model, model_folders

    rows: list[tuple[str, ...]] = [COLUMNS]
    damaged = 0
    for name in bundled_models():
        try:
            rows.append(_row(load_model(name).card))
        except ModelError as error:
            damaged += 1
            print(f"camlocalizer: {error}", file=sys.stderr)
    if len(rows) == 1:
        folders = ", ".join(map(str, model_folders())) or "no folder of models exists"
        print(f"no model bundle is installed (looked in: {folders})")
        return int(damaged > 0)
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return int(damaged > 0)


def _row(card: ModelCard) -> tuple[str, ...]:
    measured = first_figure(card.results) or "-"
    views, classes = ",".join(card.views), ",".join(card.classes)
    return card.name, card.title or "-", card.version, card.modality, views, classes, measured


def first_figure(results: Mapping[str, Any]) -> str:
    """Return the first number among nested results with the way to it, such as ``figshare mean IoU 0.41``."""
    for key, value in results.items():
        if isinstance(value, Mapping) and (inner := first_figure(value)):
            return f"{key} {inner}".replace("_", " ")
        if isinstance(value, int | float) and not isinstance(value, bool):
            return f"{key} {value:.3g}".replace("_", " ")
    return ""
