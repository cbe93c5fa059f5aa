"""Sources listed in a table."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..core import InputError
from ..io.names import ENDINGS, ending
from ..io.tables import read_table
from .naming import check_name
from .source import Source

IMAGES = frozenset(ENDINGS.values())
NEEDED, KNOWN = ("file",), ("case", "series")


def read_listing(path: Path) -> tuple[Source, ...]:
    """Read a table of volumes.

    Args:
        path: CSV with ``file`` and perhaps ``case`` and ``series``; files are relative to the table. Whether they exist
            shows when their turn comes.

    Returns:
        Sources in the table's order.

    Raises:
        InputError: no such file, no table, a missing column, an empty or repeated line, or a name that no folder has.
    """
    if ending(path):
        raise InputError(f"{path}: is a {ENDINGS[ending(path)]} file; a batch takes a folder or a table of files")
    sources: dict[tuple[str, str], int] = {}
    names: dict[str, int] = {}
    found = []
    for row in read_table(path, NEEDED, known=KNOWN).lines:
        line = row.number
        source = _source(path, line, row.cells)
        if (other := sources.setdefault(source.key, line)) != line:
            raise InputError(f"{path}, line {line}: {source.file} stands in line {other} already; keep one of them")
        if source.case and (other := names.setdefault(source.case.casefold(), line)) != line:
            raise InputError(f"{path}, line {line}: case {source.case!r} stands in line {other} already; rename one")
        found.append(source)
    if not found:
        raise InputError(f"{path}: has no line besides the header; list at least one file")
    return tuple(found)


def _source(table: Path, line: int, row: Mapping[str, str]) -> Source:
    if not row["file"]:
        raise InputError(f"{table}, line {line}: has no file")
    case = row.get("case", "")
    if case:
        check_name(case, f"{table}, line {line}")
    path = Path(os.path.abspath(table.parent / row["file"]))  # noqa: PTH100  a link keeps its own name
    series = row.get("series", "")
    dicom = bool(series) or ENDINGS.get(ending(path)) == "DICOM" or path.is_dir()
    return Source(path, _relative(path, table.parent), series=series, case=case, dicom=dicom)


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return path.as_posix()
