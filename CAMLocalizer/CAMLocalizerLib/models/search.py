"""Search folders of model bundles, for a source tree, a wheel or an installed Slicer extension."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ..core import ModelError

MODELS_VARIABLE = "CAMLOCALIZER_MODELS"
CARD_FILE = "model.json"
MAX_PARENT_FOLDERS = 6


def model_folders() -> tuple[Path, ...]:
    """Return the folders that are searched for bundles; the first match is used.

    The order is: the folders in the variable ``CAMLOCALIZER_MODELS`` (separated as in ``PATH``), ``Resources/models``
    of the package, ``Resources/models`` of the source tree or ``share/*/CAMLocalizer/models`` of the Slicer extension
    in a parent folder, and ``share/camlocalizer/models`` of the Python environment, where the wheel installs its data.
    Folders that do not exist are left out.
    """
    found = dict.fromkeys(path.resolve() for path in _candidates() if path.is_dir())
    return tuple(found)


def _candidates() -> Iterator[Path]:
    yield from (Path(entry) for entry in os.environ.get(MODELS_VARIABLE, "").split(os.pathsep) if entry)
    package = Path(__file__).resolve().parents[1]
    yield package / "Resources" / "models"
    for parent in package.parents[:MAX_PARENT_FOLDERS]:
        yield parent / "Resources" / "models"
        yield parent / "share" / "camlocalizer" / "models"
        yield from sorted((parent / "share").glob("Slicer-*/CAMLocalizer/models"))
    yield Path(sys.prefix) / "share" / "camlocalizer" / "models"


def bundled_models() -> tuple[str, ...]:
    """Return the sorted names of the bundles that :func:`~CAMLocalizerLib.models.load_model` finds."""
    return tuple(sorted({card.parent.name for folder in model_folders() for card in folder.glob(f"*/{CARD_FILE}")}))


def find_bundle(name_or_folder: str | os.PathLike[str]) -> Path:
    """Return the folder of a bundle given by name or by folder.

    Raises:
        ModelError: neither the name of a bundle nor a folder.
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
