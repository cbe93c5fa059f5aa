"""Exams of one patient, in the order of time."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ..core import InputError
from ..io.dicom import Entry, list_series, series_entries

COLUMNS = ("file", "date")
DICOM_DATES = ("AcquisitionDate", "SeriesDate", "StudyDate")


@dataclass(frozen=True)
class Exam:
    """One volume and its date.

    Args:
        path: file, or folder with a DICOM series.
        date: of the exam.
        patient: identifies whose exam it is, for comparison only; empty if not known.
        series: SeriesInstanceUID, where the folder holds several.
        label_map: file of a label map to be used instead of the model's.
    """

    path: Path
    date: datetime.date
    patient: str = ""
    series: str | None = None
    label_map: Path | None = None


def read_exams(source: Path) -> tuple[Exam, ...]:
    """Find the exams of one patient.

    Args:
        source: a folder with DICOM series, one exam each, or a CSV table with ``file``, ``date`` (2024-05-31) and
            perhaps ``patient`` and ``label_map``; files are relative to the table.

    Returns:
        At least two exams, earliest first.

    Raises:
        InputError: fewer than two exams, several patients, a date that is missing, not understood, or there twice.
    """
    exams = _of_folder(source) if source.is_dir() else _of_table(source)
    if len(exams) < 2:
        raise InputError(f"{source}: holds {len(exams)} exam; a follow-up needs at least two of one patient")
    if len({exam.patient for exam in exams if exam.patient}) > 1:
        raise InputError(f"{source}: holds exams of more than one patient; follow each one by itself")
    ordered = sorted(exams, key=lambda exam: exam.date)
    for first, second in pairwise(ordered):
        if first.date == second.date:
            raise InputError(
                f"{source}: {first.path.name} and {second.path.name} are both of {first.date}; "
                f"growth needs exams of different days"
            )
    return tuple(ordered)


def _of_folder(folder: Path) -> list[Exam]:
    found = list_series(folder)
    if not found:
        raise InputError(
            f"{folder}: holds no DICOM series, and other formats bear no date; give a table with file and date instead"
        )
    return [_of_entries(folder, info.uid, series_entries(folder, info.uid)) for info in found]


def _of_entries(folder: Path, uid: str, entries: Sequence[Entry]) -> Exam:
    header = entries[0].header
    text = next((str(header.get(name)) for name in DICOM_DATES if header.get(name)), "")
    if not text:
        raise InputError(
            f"{entries[0].path}: has no {' or '.join(DICOM_DATES)}; give a table with file and date instead"
        )
    date = _date(text.replace(".", ""), "%Y%m%d", str(entries[0].path))
    return Exam(folder, date, patient=str(header.get("PatientID") or ""), series=uid)


def _of_table(path: Path) -> list[Exam]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header = stream.readline()
            stream.seek(0)
            reader = csv.DictReader(stream, delimiter=";" if header.count(";") > header.count(",") else ",")
            rows = list(reader)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: is no table of comma-separated values; give one, or a folder of DICOM") from error
    if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
        raise InputError(f"{path}: has no column {', '.join(missing)}; the table needs {' and '.join(COLUMNS)}")
    return [_of_row(path, line, row) for line, row in _numbered(rows)]


def _numbered(rows: Iterable[dict[str, str | None]]) -> Iterable[tuple[int, dict[str, str]]]:
    for line, row in enumerate(rows, start=2):
        yield line, {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}


def _of_row(table: Path, line: int, row: dict[str, str]) -> Exam:
    if not row["date"]:
        raise InputError(f"{table}, line {line}: has no date")
    file = table.parent / row["file"]
    if not row["file"] or not file.exists():
        raise InputError(f"{table}, line {line}: file {row['file'] or '(none)'} does not exist")
    label_map = table.parent / row["label_map"] if row.get("label_map") else None
    if label_map is not None and not label_map.is_file():
        raise InputError(f"{table}, line {line}: label map {row['label_map']} does not exist")
    date = _date(row["date"], "%Y-%m-%d", f"{table}, line {line}")
    return Exam(file, date, patient=row.get("patient", ""), label_map=label_map)


def _date(text: str, form: str, where: str) -> datetime.date:
    try:
        return datetime.datetime.strptime(text, form).date()
    except ValueError:
        shown = "2024-05-31" if "-" in form else "20240531"
        raise InputError(f"{where}: {text!r} is no date; expected one such as {shown}") from None
