"""Read tables of comma-separated values, as spreadsheets write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core import InputError

DELIMITERS = (",", ";", "\t")
UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Line:
    """A row of a table.

    Args:
        number: line number in the file, from 1.
        cells: column name to stripped cell text.
    """

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """A table of comma-separated values.

    Args:
        columns: column names in order.
        lines: rows that are not blank.
        delimiter: separator of cells; with a semicolon, numbers may have a decimal comma.
    """

    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    delimiter: str = ","

    def number(self, cell: str) -> float:
        """Return a cell as a number; nan if it is empty or "NA".

        Raises:
            ValueError: the cell is not a number.
        """
        text = cell.replace(",", ".") if self.delimiter == ";" else cell
        return float("nan") if text.casefold() in ("", "na", "n/a") else float(text)


def read_table(path: Path, needed: Sequence[str], *, known: Sequence[str] = ()) -> Table:
    """Read a table separated by commas, semicolons or tabs, with any line breaks and byte order mark.

    Args:
        path: the file.
        needed: required columns.
        known: optional columns. The case of column names is ignored.

    Raises:
        InputError: a file that is missing, is not text, or lacks a required column.
    """
    text = _text(path)
    head = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=head.count)
    names = {name.casefold(): name for name in (*needed, *known)}
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        header = [cell.strip() for cell in next(reader, [])]
        columns = [names.get(cell.casefold(), cell) for cell in header]
        lines = [Line(reader.line_num, dict(zip(columns, map(str.strip, row), strict=False))) for row in reader]
    except csv.Error as error:
        raise InputError(f"{path}: is not a table of comma-separated values ({error})") from error
    if missing := [name for name in needed if name not in columns]:
        has = f"has {', '.join(header)[:200]}" if any(header) else "is empty"
        raise InputError(f"{path}: has no column {', '.join(missing)}; it {has}")
    filled = tuple(Line(line.number, _padded(line.cells, columns)) for line in lines if any(line.cells.values()))
    return Table(tuple(columns), filled, delimiter)


def _padded(cells: Mapping[str, str], columns: Sequence[str]) -> dict[str, str]:
    return {name: cells.get(name, "") for name in columns}


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        text = content.decode("utf-16" if content.startswith(UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: is not a UTF-8 table (invalid UTF-8 at byte {error.start}); save it as CSV UTF-8"
        ) from error
    if "\0" in text:
        raise InputError(f"{path}: is a binary file; expected a table of comma-separated values")
    return text
