"""Row: one line of a table of labels."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from io import StringIO
from pathlib import Path

from ..views import PLANES
from .checks import Problems, did_you_mean, listed
from .config import DataOptions
from .images import patients_in_several_folds

NEEDED = ("file", "label", "patient")
OPTIONAL = ("fold", "slice", "x", "y", "z", "site", "view")


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Args:
        line: where it stands in the file; the header is line 1.
        file: name of the image file as written.
        path: where it lies.
        label: name of the class.
        patient: identifier.
        fold: from 1; None where the table has no folds.
        slice: slice of the volume, from 0 in display order; None for the whole volume.
        point: centre (x, y, z): LPS mm in a volume, (column, row, 0) in pixels in a picture; None where unknown.
        site: where it was made; empty where unknown.
        view: plane in which the volume is sliced for this line; empty for that of the configuration.
    """

    line: int
    file: str
    path: Path
    label: str
    patient: str
    fold: int | None = None
    slice: int | None = None
    point: tuple[float, float, float] | None = None
    site: str = ""
    view: str = ""

    @property
    def name(self) -> str:
        """How reports call it."""
        return ":".join([self.file, *filter(None, [self.view]), *([] if self.slice is None else [str(self.slice)])])


def by_file_and_view(rows: Sequence[Row]) -> dict[tuple[Path, str], list[Row]]:
    """Group lines by image file and by the plane in which the lines want it sliced."""
    found: dict[tuple[Path, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.path, row.view), []).append(row)
    return found


def read_table(
    table: Path,
    images: Path,
    options: DataOptions,
    problems: Problems,
    *,
    fewest_labels: int = 2,
    tumour_free: Collection[str] = (),
) -> list[Row]:
    """Read the table; lines that cannot be used are noted in ``problems`` and left out.

    Args:
        table: CSV with a header line, separated by commas or semicolons.
        images: folder that the files are relative to.
        options: names of the columns.
        problems: takes a sentence for each problem.
        fewest_labels: 2 for what a classifier is to learn from, 1 for what it is asked about.
        tumour_free: labels that stand for no tumour, as far as they are known.

    Returns:
        The lines. Where slices of a volume have labels of their own, the line of the whole volume is left out.
    """
    try:
        text = table.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        problems.add(f"{table}: the table of labels cannot be read ({error})")
        return []
    header = text.partition("\n")[0]
    reader = csv.DictReader(StringIO(text, newline=""), delimiter=";" if header.count(";") > header.count(",") else ",")
    columns = _columns(reader.fieldnames or (), options, table, problems)
    if columns is None:
        return []
    rows = [row for values in reader if (row := _row(reader.line_num, values, columns, images, table, problems))]
    if not rows and not len(problems):
        problems.add(f"{table}: has no line besides the header")
    problems.extend(_joint_problems(rows, options, table, fewest_labels))
    problems.extend(_contradictions(rows, table, tumour_free))
    by_slice = {(row.path, view) for row in rows if row.slice is not None for view in ("", row.view)}
    return [row for row in rows if row.slice is not None or (row.path, row.view) not in by_slice]


def _contradictions(rows: Sequence[Row], table: Path, tumour_free: Collection[str]) -> list[str]:
    """Return which volumes show no tumour as a whole but in a slice."""
    free = {row.path: row for row in rows if row.slice is None and row.label in tumour_free}
    return [
        f"{table}, line {row.line}: slice {row.slice} of {row.file} is labelled {row.label!r}, but line "
        f"{free[row.path].line} labels the volume {free[row.path].label!r}; correct one of both"
        for row in rows
        if row.slice is not None and row.path in free and row.label not in tumour_free
    ]


def _columns(present: Sequence[str], options: DataOptions, table: Path, problems: Problems) -> dict[str, str] | None:
    """Map the fields of a row to the table's columns; None if one that is needed is missing."""
    defaults = {entry.name: entry.default for entry in fields(DataOptions)}
    wanted = {name: str(getattr(options, name)) for name in (*NEEDED, *OPTIONAL)}
    missing = [
        name
        for name, column in wanted.items()
        if column not in present and (name in NEEDED or column != defaults[name])
    ]
    for name in missing:
        problems.add(f"{table}: has no column {wanted[name]!r} for [data] {name}{did_you_mean(wanted[name], present)}")
    return None if missing else {name: column for name, column in wanted.items() if column in present}


def _row(
    line: int,
    values: Mapping[str, str | None],
    columns: Mapping[str, str],
    images: Path,
    table: Path,
    problems: Problems,
) -> Row | None:
    entries = {name: (values.get(column) or "").strip() for name, column in columns.items()}
    found = Problems()
    for name in NEEDED:
        if not entries[name]:
            found.add(f"column {columns[name]!r} is empty")
    path = images / entries["file"]
    if entries["file"] and not path.exists():
        found.add(f"{path} does not exist")
    fold = _whole(entries, "fold", 1, found)
    index = _whole(entries, "slice", 0, found)
    point = _point(entries, found)
    view = entries.get("view", "")
    if view not in ("", *PLANES):
        found.add(f"view must be {', '.join(PLANES)} or empty, got {view!r}{did_you_mean(view, PLANES)}")
    problems.extend(f"{table}, line {line}: {sentence}" for sentence in found.sentences)
    if len(found):
        return None
    known = {"site": entries.get("site", ""), "view": view}
    return Row(line, entries["file"], path, entries["label"], entries["patient"], fold, index, point, **known)


def _whole(entries: Mapping[str, str], name: str, least: int, problems: Problems) -> int | None:
    text = entries.get(name, "")
    if not text:
        return None
    if not text.isdecimal() or int(text) < least:
        problems.add(f"{name} must be a whole number from {least}, got {text!r}")
        return None
    return int(text)


def _point(entries: Mapping[str, str], problems: Problems) -> tuple[float, float, float] | None:
    texts = [entries.get(name, "") for name in "xyz"]
    if not any(texts):
        return None
    try:
        x, y, z = float(texts[0]), float(texts[1]), float(texts[2] or 0)
    except ValueError:
        problems.add(f"the centre point needs numbers for x and y (and z in a volume), got {texts}")
        return None
    if not all(map(math.isfinite, (x, y, z))):
        problems.add(f"the centre point must be finite, got {texts}")
        return None
    return x, y, z


def _joint_problems(rows: Sequence[Row], options: DataOptions, table: Path, fewest_labels: int) -> list[str]:
    """Return what is wrong with the table as a whole."""
    found = []
    counts = Counter(row.name for row in rows)
    if twice := sorted(name for name, count in counts.items() if count > 1):
        found.append(f"{table}: listed more than once: {listed(twice)}")
    labels = sorted({row.label for row in rows})
    if len(labels) == 1 < fewest_labels:
        found.append(f"{table}: all labels are {labels[0]!r}; a classifier needs images of two classes at least")
    if options.classes and rows:
        unknown, unused = sorted(set(labels) - set(options.classes)), sorted(set(options.classes) - set(labels))
        found.extend(f"{table}: label {name!r} is not one of [data] classes{_near(name, options)}" for name in unknown)
        found.extend(f"{table}: no line has the label {name!r} of [data] classes" for name in unused)
    if "" in (sites := {row.site for row in rows}) and len(sites) > 1:
        lines = [str(row.line) for row in rows if not row.site]
        found.append(f"{table}: lines without a site, where others have one: {listed(lines)}")
    return found + _fold_problems(rows, table)


def _near(name: str, options: DataOptions) -> str:
    return did_you_mean(name, options.classes)


def _fold_problems(rows: Sequence[Row], table: Path) -> list[str]:
    with_fold = [row for row in rows if row.fold is not None]
    found = []
    if with_fold and len(with_fold) < len(rows):
        lines = [str(row.line) for row in rows if row.fold is None]
        found.append(f"{table}: lines without a fold, where others have one: {listed(lines)}")
    if divided := patients_in_several_folds([row.patient for row in with_fold], [row.fold or 0 for row in with_fold]):
        found.append(f"{table}: patients in two folds: {listed(divided)}; give every patient one fold")
    return found
