"""Findings as texts and arrays, as a scene keeps them, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from ...core import Volume
from ...localizer import Findings, load_findings, save_findings

MAPS = "findings-"
ARRAY_ENDING = ".npy"


def checksum(volume: Volume) -> str:
    """Return what tells one volume's voxels from another's; where they lie is told by the findings."""
    array = np.ascontiguousarray(volume.array_kji)
    return hashlib.blake2b(array.data, digest_size=16).hexdigest()


def stored_findings(found: Findings) -> tuple[str, dict[str, str], dict[str, NDArray]]:
    """Return findings as they are stored: checksum of the volume, texts and arrays."""
    with TemporaryDirectory(prefix="camlocalizer-review-") as folder:
        save_findings(found, folder)
        files = sorted(Path(folder).iterdir())
        texts = {path.name: path.read_text(encoding="utf-8") for path in files if path.suffix != ARRAY_ENDING}
        arrays = {f"{MAPS}{path.stem}": np.load(path) for path in files if path.suffix == ARRAY_ENDING}
    return checksum(found.volume), texts, arrays


def restored_findings(texts: Mapping[str, str], arrays: Mapping[str, NDArray], volume: Volume) -> Findings:
    """Return the findings that :func:`stored_findings` gave texts and arrays of."""
    with TemporaryDirectory(prefix="camlocalizer-review-") as folder:
        for name, text in texts.items():
            (Path(folder) / Path(name).name).write_text(text, encoding="utf-8", newline="\n")
        for name, array in arrays.items():
            if name.startswith(MAPS):
                np.save(Path(folder) / f"{Path(name.removeprefix(MAPS)).name}{ARRAY_ENDING}", array)
        return load_findings(folder, volume)
