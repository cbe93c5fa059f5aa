"""Cache: what a model found in cases, and their pictures; all of it can be computed again."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import numpy as np

from ..core import CAMLocalizerError, Volume
from ..io.writing import output_errors, whole_file
from ..localizer import Findings, load_findings, save_findings
from ..models import CARD_FILE, ModelCard

CACHE_FOLDER = ".cache"  # hidden, so that no search for scans enters it
PARTIAL = ".partial"
CHECKSUM_FILE = "volume.sha256"


class Cache:
    """Findings and pictures in a hidden folder of a worklist.

    Args:
        folder: of the worklist.
    """

    def __init__(self, folder: Path) -> None:
        self._findings = folder / CACHE_FOLDER / "findings"
        self._pictures = folder / CACHE_FOLDER / "thumbnails"

    def keep(self, number: int, found: Findings) -> None:
        """Keep findings, all of them or none.

        Raises:
            OutputError: the folder cannot be written or the disk is full.
        """
        target = self._findings / str(number)
        partial = target.with_suffix(PARTIAL)
        with output_errors(target):
            shutil.rmtree(partial, ignore_errors=True)
            try:
                save_findings(found, partial)
                (partial / CHECKSUM_FILE).write_text(_checksum(found.volume), encoding="ascii")
                shutil.rmtree(target, ignore_errors=True)
                partial.rename(target)
            finally:
                shutil.rmtree(partial, ignore_errors=True)

    def holds(self, number: int) -> bool:
        """Return whether there are findings of a case."""
        return (self._findings / str(number)).is_dir()

    def load(self, number: int, volume: Volume, model_sha256: str) -> Findings | None:
        """Return the findings of a case; None without them, or if they are damaged or of another model or volume.

        Args:
            number: of the case.
            volume: of the case.
            model_sha256: of the model that is asked for; empty for any.
        """
        folder = self._findings / str(number)
        if not folder.is_dir():
            return None
        try:
            if model_sha256 and ModelCard.read(folder / CARD_FILE).sha256 != model_sha256:
                return None
            if (folder / CHECKSUM_FILE).read_text(encoding="ascii") != _checksum(volume):
                return None
            return load_findings(folder, volume)
        except (CAMLocalizerError, OSError, ValueError):
            shutil.rmtree(folder, ignore_errors=True)
            return None

    def forget_all_but(self, numbers: Collection[int]) -> None:
        """Remove the findings of all other cases."""
        kept = {str(number) for number in numbers}
        with suppress(OSError):
            for folder in self._findings.iterdir():
                if folder.name not in kept and folder.suffix != PARTIAL:  # which may just be written
                    shutil.rmtree(folder, ignore_errors=True)

    def keep_picture(self, number: int, content: bytes) -> None:
        """Keep the picture of a case.

        Raises:
            OutputError: the folder cannot be written or the disk is full.
        """
        with output_errors(self._pictures):
            self._pictures.mkdir(parents=True, exist_ok=True)
        with whole_file(self._pictures / f"{number}.png") as partial:
            partial.write_bytes(content)

    def picture(self, number: int) -> Path | None:
        """Return the picture of a case; None without one."""
        path = self._pictures / f"{number}.png"
        return path if path.is_file() else None


def _checksum(volume: Volume) -> str:
    """Return a checksum of the voxels: a file or study may have got other images on the same grid."""
    return hashlib.sha256(np.ascontiguousarray(volume.array_kji).data).hexdigest()
