"""What can still be read of a damaged worklist, and of its backup."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .schema import TABLES, migrate

BY_CASE = ("answers", "slices", "reviews")
IDENTITY = {
    "cases": ("key",),
    "answers": ("key", "reader"),
    "slices": ("key", "reader", "view", "slice"),
    "reviews": ("key", "reader"),
    "facts": ("name",),
}
Row = dict[str, Any]


@dataclass
class Salvaged:
    """Rows by table and by what identifies them; those of cases carry the case's key instead of its number."""

    rows: dict[str, dict[tuple, Row]] = field(default_factory=lambda: {table: {} for table in TABLES})

    def add(self, table: str, row: Row) -> None:
        """Take a row, unless a newer one of the same identity is here."""
        identity = tuple(row[name] for name in IDENTITY[table])
        known = self.rows[table].get(identity)
        if known is None or str(row.get("answered_at", "")) > str(known.get("answered_at", "")):
            self.rows[table][identity] = row


def salvage(*paths: Path) -> Salvaged:
    """Read what can be read of databases of one worklist.

    Args:
        paths: the damaged file first, then its backup; of two rows with the same identity the newer one counts, or
            else that of the first file.
    """
    saved, found = Salvaged(), [(path, _tables(path)) for path in paths]
    keys: dict[int, str] = {}
    for _, tables in reversed(found):  # the numbers of the first file count
        keys |= {number: row["key"] for number, row in tables["cases"].items()}
    for _, tables in found:
        own = {number: row["key"] for number, row in tables["cases"].items()}
        for table, rows in tables.items():
            for row in rows.values():
                if table not in BY_CASE:
                    saved.add(table, row)
                elif (key := own.get(row["case_id"]) or keys.get(row["case_id"])) is not None:
                    saved.add(table, {**row, "key": key})
    return saved


def write_salvaged(saved: Salvaged, path: Path) -> None:
    """Write rows into a new database."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, path)
        connection.execute("BEGIN")
        numbers = {}
        for number, row in enumerate(saved.rows["cases"].values(), start=1):
            numbers[row["key"]] = number
            _insert(connection, "cases", {**row, "id": number})
        for table in BY_CASE:
            for row in saved.rows[table].values():
                rest = {name: value for name, value in row.items() if name != "key"}
                _insert(connection, table, {**rest, "case_id": numbers[row["key"]]})
        for row in saved.rows["facts"].values():
            _insert(connection, "facts", row)
        connection.execute("COMMIT")


def _insert(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    known = {entry[1] for entry in connection.execute(f"PRAGMA table_info({table})")}
    values = {name: value for name, value in row.items() if name in known}
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))  # noqa: S608  ours


def _tables(path: Path) -> dict[str, dict[int, Row]]:
    """Read the tables of a database, each from both ends up to a damaged page."""
    found: dict[str, dict[int, Row]] = {table: {} for table in TABLES}
    if not path.is_file():
        return found
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source:
        source.row_factory = sqlite3.Row
        source.text_factory = lambda content: content.decode("utf-8", "replace")
        for table in TABLES:
            _read_from_both_ends(source, table, found[table])
    return found


def _read_from_both_ends(source: sqlite3.Connection, table: str, rows: dict[int, Row]) -> None:
    for order in ("ASC", "DESC"):
        with suppress(sqlite3.Error):
            query = f"SELECT rowid AS number, * FROM {table} ORDER BY rowid {order}"  # noqa: S608  ours
            for row in map(dict, source.execute(query)):
                rows.setdefault(row.pop("number"), row)
