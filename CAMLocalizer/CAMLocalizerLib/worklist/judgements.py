"""Judgements: what all readers of a worklist said, read from its database or from an export."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..core import InputError
from ..io.tables import read_table
from .answers import RIGHT
from .database import DATABASE, database_errors, open_for_reading
from .store import ARCHIVE, CLASSES, ROOT, WORKLIST_FOLDER

YES, NO = "yes", "no"
COLUMNS = ("case", "label")
MORE_COLUMNS = ("tumour", "slice", "view", "patient", "reader", "series", "file")
JUDGED = """
SELECT cases.*, answers.reader, answers.tumour AS said, answers.type AS said_type, answers.map, answers.answered_at,
    NULL AS view, NULL AS slice
FROM answers JOIN cases ON cases.id = case_id WHERE answers.tumour IS NOT NULL OR answers.map != ''
UNION ALL
SELECT cases.*, slices.reader, slices.tumour, slices.type, '', slices.answered_at, slices.view, slices.slice
FROM slices JOIN cases ON cases.id = case_id
ORDER BY position, view, slice, reader
"""


@dataclass(frozen=True)
class Judgement:
    """What one reader said about a case or a slice.

    Args:
        key: identity of the case.
        name: of the case.
        file: path relative to the source of the worklist.
        series: SeriesInstanceUID; empty for a file.
        patient: identifier.
        listed: whether the source still had the case when it was last searched.
        reader: identifier.
        tumour: whether there is a tumour; None if that was not said.
        type: class of the tumour; empty if that was not said.
        map: ``right``, ``wrong`` or empty.
        answered_at: ISO 8601, UTC.
        view: plane of the slice; empty for the whole case.
        slice: from 0 in display order; None for the whole case.
    """

    key: str
    name: str
    file: str = ""
    series: str = ""
    patient: str = ""
    listed: bool = True
    reader: str = ""
    tumour: bool | None = None
    type: str = ""
    map: str = ""
    answered_at: str = ""
    view: str = ""
    slice: int | None = None

    @property
    def place(self) -> tuple[str, str, int | None]:
        """What it is about: case, plane and slice."""
        return self.key, self.view, self.slice

    @property
    def map_is_right(self) -> bool:
        """Whether a label map was judged right."""
        return self.map == RIGHT


def worklist_folder(path: Path) -> Path:
    """Return the folder of a worklist.

    Args:
        path: that folder, the folder of scans or results that it belongs to, or its database.
    """
    if path.is_file():
        return path.parent
    return path / WORKLIST_FOLDER if (path / WORKLIST_FOLDER / DATABASE).is_file() else path


def read_judgements(path: Path) -> list[Judgement]:
    """Read what the readers of a worklist said.

    Args:
        path: as for :func:`worklist_folder`, or a table that ``camlocalizer labels`` wrote.

    Raises:
        InputError: a table without the columns ``case`` and ``label``, or a worklist of a newer release.
        OutputError: no worklist there, or it is damaged or held by another program.
    """
    if path.is_file() and path.suffix.lower() == ".csv":
        return _from_table(path)
    database = worklist_folder(path) / DATABASE
    with closing(open_for_reading(database)) as connection, database_errors(database):
        connection.row_factory = sqlite3.Row
        return [_of_row(row) for row in connection.execute(JUDGED)]


def read_classes(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the classes, and those of tumours, of the model that saw most cases of a worklist.

    Args:
        path: as for :func:`worklist_folder`.

    Returns:
        Nothing in both if no model looked yet.
    """
    database = worklist_folder(path) / DATABASE
    query = (
        "SELECT facts.value FROM facts JOIN cases ON facts.name = ? || cases.model_sha256 "
        "GROUP BY facts.name ORDER BY count(*) DESC LIMIT 1"
    )
    with closing(open_for_reading(database)) as connection, database_errors(database):
        row = connection.execute(query, (f"{CLASSES} ",)).fetchone()
    known = json.loads(row[0]) if row else {"classes": [], "tumour_classes": []}
    return tuple(known["classes"]), tuple(known["tumour_classes"])


def read_root(path: Path) -> Path:
    """Return the folder that the files of a worklist are relative to.

    Args:
        path: as for :func:`worklist_folder`.
    """
    folder = worklist_folder(path)
    root = _fact(folder, ROOT)
    return Path(os.path.normpath(folder.resolve() / root)) if root else folder.parent


def is_of_archive(path: Path) -> bool:
    """Return whether the images of a worklist lie in an archive; argument as for :func:`worklist_folder`."""
    return bool(_fact(worklist_folder(path), ARCHIVE))


def _fact(folder: Path, name: str) -> str:
    database = folder / DATABASE
    with closing(open_for_reading(database)) as connection, database_errors(database):
        row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else ""


def _of_row(row: sqlite3.Row) -> Judgement:
    return Judgement(
        row["key"],
        row["name"],
        row["file"],
        row["series"],
        row["patient"],
        bool(row["listed"]),
        row["reader"],
        None if row["said"] is None else bool(row["said"]),
        row["said_type"],
        row["map"],
        row["answered_at"],
        row["view"] or "",
        row["slice"],
    )


def _from_table(path: Path) -> list[Judgement]:
    table = read_table(path, COLUMNS, known=MORE_COLUMNS)
    found = []
    for line in table.lines:
        cells = line.cells
        tumour, index = cells.get("tumour", ""), cells.get("slice", "")
        if tumour not in (YES, NO, "") or not (index.isdecimal() or not index):
            raise InputError(
                f"{path}, line {line.number}: expected tumour yes or no and slice a number from 0, "
                f"got {tumour!r} and {index!r}"
            )
        found.append(
            Judgement(
                cells["case"],
                cells["case"],
                cells.get("file", ""),
                cells.get("series", ""),
                cells.get("patient", ""),
                reader=cells.get("reader", ""),
                tumour=None if not tumour else tumour == YES,
                type="" if tumour == NO else cells["label"],
                view=cells.get("view", ""),
                slice=int(index) if index else None,
            )
        )
    return found
