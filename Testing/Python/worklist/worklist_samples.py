"""Cases, findings and sources to test worklists with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from CAMLocalizerLib.core import Grid, InputError, Volume
from CAMLocalizerLib.localizer import LabelSettings
from CAMLocalizerLib.worklist import Case, Finding, ListedCase

CLASSES = ("none", "glioma", "meningioma")
SHA256 = "ab" * 32
GRID = Grid((22, 20, 9), (1.2, 1.3, 4.0), (-10.0, 5.0, 30.0), np.eye(3))


def finding(probability: float, *, tumour: bool | None = None, sha256: str = SHA256) -> Finding:
    """A finding with a probability; a tumour from 0.5 on if not said."""
    found = probability >= 0.5 if tumour is None else tumour
    return Finding(found, probability, 0.5, 4.0 * found, "glioma" * found, "tiny 1", sha256, CLASSES, CLASSES[1:])


def listed(*probabilities: float | None) -> list[ListedCase]:
    """Cases ``a``, ``b``, ...; None for one that no model saw."""
    letters = [chr(ord("a") + at) for at in range(len(probabilities))]
    return [
        ListedCase(
            f"{letter}.nii.gz", letter, f"{letter}.nii.gz", patient=letter, finding=None if p is None else finding(p)
        )
        for letter, p in zip(letters, probabilities, strict=True)
    ]


@dataclass
class MadeSource:
    """Volumes that are made when they are asked for."""

    names: Sequence[str] = ("a", "b", "c")
    broken: Sequence[str] = ()
    read_names: list[str] = field(default_factory=list)
    title: str = "made"
    root: Path = Path("scans")

    def list_cases(self, names: object, salt: str) -> Sequence[ListedCase]:
        return [ListedCase(f"{name}.nii.gz", name, f"{name}.nii.gz", patient=name) for name in self.names]

    def read(self, case: Case) -> Volume:
        self.read_names.append(case.name)
        if case.name in self.broken:
            raise InputError(f"{case.file}: is damaged")
        array = np.random.default_rng(ord(case.name[0])).random(GRID.shape_kji, dtype=np.float32)
        return Volume(array, GRID, name=case.name)

    def settings(self, case: Case) -> LabelSettings | None:
        return None

    def picture(self, case: Case) -> Path | None:
        return None
