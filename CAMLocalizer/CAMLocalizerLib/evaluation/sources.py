"""Where the images of an evaluation lie, and their masks: the column ``mask`` or a folder beside."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, GridError, SettingsError
from ..io.reader import read_image
from ..training.checks import Problems, did_you_mean
from ..training.config import DataOptions
from ..training.table import NEEDED, OPTIONAL, Row

MASK_COLUMN, PLANE_COLUMN = "mask", "plane"
COLUMNS = (*NEEDED, *OPTIONAL, MASK_COLUMN, PLANE_COLUMN)


@dataclass(frozen=True)
class Sources:
    """Where the data lie.

    Args:
        table: CSV with file, label and patient, and perhaps fold, slice and mask.
        images: folder that the table's files are relative to; the table's own if None.
        masks: folder with a mask for each image that has a tumour, of the same name; None to use the column ``mask``.
        columns: names of columns that are called otherwise in the table, by the usual name (:data:`COLUMNS`).

    Raises:
        SettingsError: a column that an evaluation does not know.
    """

    table: Path
    images: Path | None = None
    masks: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.columns:
            if name not in COLUMNS:
                raise SettingsError(f"unknown column {name!r}{did_you_mean(name, COLUMNS)}")

    @property
    def image_folder(self) -> Path:
        """What the table's files are relative to."""
        return self.table.parent if self.images is None else self.images

    @property
    def options(self) -> DataOptions:
        """The table's columns, as a training names them."""
        known = {entry.name for entry in fields(DataOptions)}
        named: dict[str, Any] = {name: column for name, column in self.columns.items() if name in known}
        return DataOptions(table=self.table.name, **named)

    def column(self, name: str) -> str:
        """Return what a column is called in the table."""
        return self.columns.get(name, name)


def mask_paths(sources: Sources, rows: Sequence[Row], problems: Problems) -> dict[Path, Path]:
    """Find the mask of each image file; files without one show no tumour."""
    if not rows:
        return {}
    named = read_column(sources, MASK_COLUMN, problems) if sources.masks is None else {}
    found: dict[Path, Path] = {}
    for row in rows:
        path = _mask_path(sources, row, named)
        if path is None or (sources.masks is not None and not path.exists()):
            continue
        if not path.exists():
            problems.add(f"{sources.table}, line {row.line}: mask {path} does not exist")
        elif found.setdefault(row.path, path) != path:
            problems.add(f"{sources.table}, line {row.line}: another mask for {row.file} than in a line before")
    if sources.masks is not None and not found:
        problems.add(f"{sources.masks}: has no mask named like an image, such as {rows[0].file}")
    return found


def _mask_path(sources: Sources, row: Row, named: Mapping[int, str]) -> Path | None:
    if sources.masks is not None:
        return sources.masks / row.file
    return sources.table.parent / named[row.line] if row.line in named else None


def read_column(sources: Sources, name: str, problems: Problems) -> dict[int, str]:
    """Read an optional column of a table that can be read: line to text, without empty cells.

    Args:
        sources: where the table lies.
        name: usual name of the column, such as ``mask`` or ``plane``.
        problems: takes a sentence if the column was named but is not there.
    """
    text, column = sources.table.read_text(encoding="utf-8-sig"), sources.column(name)
    header = text.partition("\n")[0]
    reader = csv.DictReader(StringIO(text, newline=""), delimiter=";" if header.count(";") > header.count(",") else ",")
    if column not in (present := reader.fieldnames or ()) and name in sources.columns:
        problems.add(f"{sources.table}: has no column {column!r}{did_you_mean(column, present)}")
    cells = [(reader.line_num, (values.get(column) or "").strip()) for values in reader]
    return {line: cell for line, cell in cells if cell}


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
