"""Stacks of the figshare brain tumour collection: neighbouring slices of one patient and plane as a volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import Grid, Volume

from ..csv_rows import read_rows
from .images import CLASSES, IMAGES, LABELS, TUMOURS, read_pictures, slice_name
from .masks import MASKS

SPACING_MM = 0.98  # of the slices whose row gives none
STEP_MM = 7.0
# Directions of the stored axes i, j and k of an image that shows this plane as a radiologist sees it.
PLANE_DIRECTIONS = {
    "axial": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "coronal": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "sagittal": ((0, 1, 0), (0, 0, -1), (1, 0, 0)),
}


@dataclass(frozen=True)
class FigshareStack:
    """Neighbouring slices of one patient and plane; pictures and masks are read on demand.

    Args:
        folder: of the collection.
        rows: of its ``labels.csv``, one for each slice.
    """

    folder: Path
    rows: tuple[Mapping[str, str], ...]

    @property
    def name(self) -> str:
        """Identifier, plane and number of the run of slices."""
        return f"{self.rows[0]['pid']}-{self.plane}-{self.rows[0]['run']}"

    @property
    def plane(self) -> str:
        """Plane of acquisition."""
        return self.rows[0]["plane"]

    @property
    def label(self) -> str:
        """Class of the tumour."""
        return CLASSES[TUMOURS.index(self.rows[0]["tumor"])]

    @property
    def patient(self) -> str:
        """Patient; several identifiers may belong to one."""
        return self.rows[0]["patient_group"]

    @property
    def fold(self) -> int:
        """Cross-validation fold of the patient."""
        return int(self.rows[0]["group_fold"])

    def volume(self) -> Volume:
        """Read the slices, which lie in the body as their plane says.

        Raises:
            InputError: the archive of images is missing or damaged.
        """
        spacing = float(self.rows[0]["pixel_mm_256"] or SPACING_MM)
        return image_volume(self._pictures(IMAGES), self.plane, spacing_mm=spacing, step_mm=STEP_MM, name=self.name)

    def truth_kji(self) -> NDArray[np.bool_]:
        """Read the mask on the volume's grid.

        Raises:
            InputError: the archive of masks is missing or damaged.
        """
        return self._pictures(MASKS) > 0

    def _pictures(self, archive: str) -> NDArray[np.float32]:
        return np.stack(list(read_pictures(self.folder / archive, [slice_name(row["id"]) for row in self.rows])))


def figshare_stacks(folder: Path) -> list[FigshareStack]:
    """List the stacks in the order of the collection.

    Args:
        folder: holds ``labels.csv`` and the archives of images and masks.

    Raises:
        InputError: ``labels.csv`` is missing.
    """
    runs: dict[str, list[Mapping[str, str]]] = {}
    for row in read_rows(folder / LABELS):
        runs.setdefault(row["run"], []).append(row)
    return [FigshareStack(folder, tuple(rows)) for rows in runs.values()]


def image_volume(pixels: NDArray, plane: str, *, spacing_mm: float, step_mm: float, name: str) -> Volume:
    """Place images of one plane, shape (slices, rows, columns), in the body as a stack of slices."""
    size = (pixels.shape[2], pixels.shape[1], pixels.shape[0])
    grid = Grid(size, (spacing_mm, spacing_mm, step_mm), (0.0, 0.0, 0.0), np.array(PLANE_DIRECTIONS[plane]).T)
    return Volume(pixels, grid, name=name)
