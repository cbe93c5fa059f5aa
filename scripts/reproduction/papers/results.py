"""Tables of a reproduction: our figure beside the paper's, as CSV and Markdown."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CSV_FILE, MARKDOWN_FILE = "table.csv", "table.md"
COLUMNS = ("table", "row", "measure", "ours", "ours_std", "paper", "paper_std", "count", "seed", "data")
DIGITS = 3
NOTHING = "–"


@dataclass(frozen=True)
class Entry:
    """One cell of a paper's table.

    Args:
        table: title of the table; entries of one title become one table.
        row: what was measured, by the paper's name for it.
        measure: the column.
        ours: measured here; None where it cannot be measured here.
        ours_std: standard deviation over folds; None for a single fold.
        paper: the paper's figure; None where the paper has none.
        paper_std: standard deviation in the paper.
        count: number of images, volumes or folds behind ``ours``.
    """

    table: str
    row: str
    measure: str
    ours: float | None
    ours_std: float | None = None
    paper: float | None = None
    paper_std: float | None = None
    count: int | None = None


@dataclass(frozen=True)
class Reproduction:
    """What stands around the tables of a paper.

    Args:
        name: the paper's name on the command line.
        title: heading.
        paper: citation.
        data: what was trained and measured on, with its source.
        seed: of every random choice.
        settings: epochs, image size, folds and so on.
        differences: where this differs from the paper, one sentence each.
        findings: what the figures say, one sentence each, computed from them.
        pictures: file name and caption of each picture.
    """

    name: str
    title: str
    paper: str
    data: str
    seed: int
    settings: Mapping[str, Any]
    differences: tuple[str, ...]
    findings: tuple[str, ...] = ()
    pictures: tuple[tuple[str, str], ...] = field(default=())


def write_tables(folder: Path, reproduction: Reproduction, entries: Sequence[Entry]) -> None:
    """Write ``table.csv``, one line per entry, and ``table.md``, one table per title; each is replaced whole.

    Args:
        folder: made if missing.
        reproduction: what stands around the tables.
        entries: cells in the order in which tables, rows and columns shall appear.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / CSV_FILE) as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_line(entry, reproduction) for entry in entries)
    with replacing(folder / MARKDOWN_FILE) as path:
        path.write_text(markdown(reproduction, entries), encoding="utf-8", newline="\n")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to, and move it there when the block ends without an error."""
    beside = path.with_name(f".{path.name}.partial")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _line(entry: Entry, reproduction: Reproduction) -> list[Any]:
    figures = (entry.ours, entry.ours_std, entry.paper, entry.paper_std)
    numbers = [None if _missing(value) else round(float(value), 4) for value in figures]  # type: ignore[arg-type]
    return [entry.table, entry.row, entry.measure, *numbers, entry.count, reproduction.seed, reproduction.data]


def markdown(reproduction: Reproduction, entries: Sequence[Entry]) -> str:
    """Return the text of ``table.md``."""
    parts = [
        f"# {reproduction.title}",
        f"{reproduction.paper}\n\nMade by `python3 scripts/reproduce.py {reproduction.name}`. Each cell: ours (paper), "
        "or ours alone in tables that the paper does not have; ± is the standard deviation over folds, "
        f"{NOTHING} means not measured or not reported.",
    ]
    parts += [_table(title, [entry for entry in entries if entry.table == title]) for title in _titles(entries)]
    parts += _list("What the figures say", reproduction.findings)
    parts += _list("What differs from the paper", reproduction.differences)
    settings = json.dumps(dict(reproduction.settings), default=str)
    parts.append(f"## Data and settings\n\n{reproduction.data}\n\nSeed {reproduction.seed}. Settings: `{settings}`")
    parts += [f"![{caption}]({name})\n\n*{caption}*" for name, caption in reproduction.pictures]
    return "\n\n".join(parts) + "\n"


def _list(heading: str, sentences: Sequence[str]) -> list[str]:
    return [f"## {heading}\n\n" + "\n".join(f"- {sentence}" for sentence in sentences)] if sentences else []


def _titles(entries: Iterable[Entry]) -> list[str]:
    return list(dict.fromkeys(entry.table for entry in entries))


def _table(title: str, entries: Sequence[Entry]) -> str:
    measures = list(dict.fromkeys(entry.measure for entry in entries))
    cells = {(entry.row, entry.measure): entry for entry in entries}
    rows = dict.fromkeys(entry.row for entry in entries)
    printed = any(not _missing(entry.paper) for entry in entries)
    lines = [f"| | {' | '.join(measures)} |", "|---" * (len(measures) + 1) + "|"]
    lines += [
        f"| {row} | {' | '.join(_cell(cells.get((row, measure)), printed) for measure in measures)} |" for row in rows
    ]
    counts = sorted({entry.count for entry in entries if entry.count is not None})
    behind = f"\n\n*Averages over {_range(counts)}.*" if counts else ""
    return f"## {title}\n\n" + "\n".join(lines) + behind


def _range(counts: Sequence[int]) -> str:
    return f"{counts[0]} cases" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} cases"


def _cell(entry: Entry | None, printed: bool) -> str:
    """Write a cell; tables that the paper does not have need no room for its figures."""
    if entry is None:
        return ""
    ours = _figure(entry.ours, entry.ours_std)
    return f"{ours} ({_figure(entry.paper, entry.paper_std)})" if printed else ours


def _figure(value: float | None, deviation: float | None) -> str:
    if _missing(value):
        return NOTHING
    return f"{value:.{DIGITS}f}" + ("" if _missing(deviation) else f" ± {deviation:.{DIGITS}f}")


def _missing(value: float | None) -> bool:
    return value is None or not math.isfinite(value)
