"""Where bundles are looked for, from a source tree, a wheel or an installed Slicer extension."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ..core import ModelError

MODELS_VARIABLE = "CAMLOCALIZER_MODELS"
CARD_FILE = "model.json"
LEVELS_UP = 6


def model_folders() -> tuple[Path, ...]:
    """Return the folders that hold bundles, the first one wins.

    In this order: those named by the variable ``CAMLOCALIZER_MODELS`` (separated as in ``PATH``), ``models``
    beside the package's other data, ``Resources/models`` of the source tree or ``share/*/CAMLocalizer/models`` of
    the Slicer extension above the package, and ``share/camlocalizer/models`` of the Python environment, where the
    wheel puts its data. Folders that do not exist are left out.
    """
    found = dict.fromkeys(path.resolve() for path in _candidates() if path.is_dir())
    return tuple(found)


def _candidates() -> Iterator[Path]:
    yield from (Path(entry) for entry in os.environ.get(MODELS_VARIABLE, "").split(os.pathsep) if entry)
    package = Path(__file__).resolve().parents[1]
    yield package / "Resources" / "models"
    for parent in package.parents[:LEVELS_UP]:
        yield parent / "Resources" / "models"
        yield parent / "share" / "camlocalizer" / "models"
        yield from sorted((parent / "share").glob("Slicer-*/CAMLocalizer/models"))
    yield Path(sys.prefix) / "share" / "camlocalizer" / "models"


def bundled_models() -> tuple[str, ...]:
    """Return the names of the bundles that :func:`~CAMLocalizerLib.models.load_model` knows, sorted."""
    return tuple(sorted({card.parent.name for folder in model_folders() for card in folder.glob(f"*/{CARD_FILE}")}))


def find_bundle(name_or_folder: str | os.PathLike[str]) -> Path:
    """Return the folder of a bundle given by name or by its folder.

    Raises:
        ModelError: neither a bundle's name nor a folder.
    """
    text = os.fspath(name_or_folder)
    if Path(text).name == text and text not in ("", ".", ".."):
        for folder in model_folders():
            if (folder / text / CARD_FILE).is_file():
                return folder / text
    path = Path(text)
    if text and path.is_dir():
        return path
    known = ", ".join(bundled_models()) or "none is installed"
    raise ModelError(f"unknown model {text!r}: give a bundle's folder or one of the bundled models ({known})")
