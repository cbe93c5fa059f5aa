"""Where the images of an evaluation lie, and their masks: the column ``mask`` or a folder beside."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, GridError
from ..io.reader import read_image
from .checks import Problems
from .table import Row

MASK_COLUMN = "mask"


@dataclass(frozen=True)
class Sources:
    """Where the data lie.

    Args:
        table: CSV with file, label and patient, and perhaps fold, slice and mask.
        images: folder that the table's files are relative to; the table's own if None.
        masks: folder with a mask for each image that has a tumour, of the same name; None to use the column ``mask``.
    """

    table: Path
    images: Path | None = None
    masks: Path | None = None

    @property
    def image_folder(self) -> Path:
        """What the table's files are relative to."""
        return self.table.parent if self.images is None else self.images


def mask_paths(sources: Sources, rows: Sequence[Row], problems: Problems) -> dict[Path, Path]:
    """Find the mask of each image file; files without one show no tumour."""
    named = _mask_column(sources.table, rows) if sources.masks is None else {}
    found: dict[Path, Path] = {}
    for row in rows:
        path = sources.masks / row.file if sources.masks is not None else named.get(row.line)
        if path is None or (sources.masks is not None and not path.exists()):
            continue
        if not path.exists():
            problems.add(f"{sources.table}, line {row.line}: mask {path} does not exist")
        elif found.setdefault(row.path, path) != path:
            problems.add(f"{sources.table}, line {row.line}: another mask for {row.file} than in a line before")
    if sources.masks is not None and rows and not found:
        problems.add(f"{sources.masks}: has no mask named like an image, such as {rows[0].file}")
    return found


def _mask_column(table: Path, rows: Sequence[Row]) -> dict[int, Path]:
    """Read the column ``mask``: line to path, relative to the table's folder; empty cells are left out."""
    if not rows:
        return {}
    text = table.read_text(encoding="utf-8-sig")
    header = text.partition("\n")[0]
    reader = csv.DictReader(StringIO(text, newline=""), delimiter=";" if header.count(";") > header.count(",") else ",")
    cells = [(reader.line_num, (values.get(MASK_COLUMN) or "").strip()) for values in reader]
    return {line: table.parent / cell for line, cell in cells if cell}


def read_mask(path: Path, grid: Grid, image: Path) -> NDArray[np.bool_]:
    """Read a mask that lies on its image's grid.

    Args:
        path: of the mask; values above 0 belong to the tumour.
        grid: of the image.
        image: its path, for the message.

    Returns:
        Shape ``grid.shape_kji``.

    Raises:
        GridError: the mask lies on another grid.
    """
    raw = read_image(path)
    if not raw.grid.matches(grid):
        raise GridError(f"{path}: the mask lies on another grid than {image}; resample it to the image")
    inside: NDArray[np.bool_] = raw.array_kji > 0
    return inside
