"""Exams of one patient in chronological order."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ..core import InputError
from ..io.dicom import file_entry, list_series, series_entries
from ..io.dicom_files import Entry
from ..io.signatures import file_format
from ..io.tables import read_table

COLUMNS = ("file", "date")
FURTHER_COLUMNS = ("patient", "label_map", "series")
DATE_FORMS = ("%Y-%m-%d", "%Y%m%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M")
FIRST_YEAR = 1900
_HOW_TO_CHOOSE = ", or give a table with file, date and series"
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
            perhaps ``patient``, ``series`` (of a DICOM folder) and ``label_map``; files are relative to the table.

    Returns:
        At least two exams, earliest first.

    Raises:
        InputError: fewer than two exams, several patients, a date that is missing, not understood, or there twice, or
            label maps for some exams only.
    """
    exams = _of_folder(source) if source.is_dir() else _of_table(source)
    if len(exams) < 2:
        raise InputError(f"{source}: holds {len(exams)} exam; a follow-up needs at least two of one patient")
    whose = (exam.patient for exam in exams), (_dicom_patient(exam) for exam in exams)
    if any(len(set(known) - {""}) > 1 for known in whose):
        raise InputError(f"{source}: holds exams of more than one patient; follow each one by itself")
    if 0 < sum(exam.label_map is not None for exam in exams) < len(exams):
        raise InputError(
            f"{source}: brings label maps for some exams only; growth needs one rule for all: give one for each or none"
        )
    ordered = sorted(exams, key=lambda exam: exam.date)
    for first, second in pairwise(ordered):
        if first.date == second.date:
            raise InputError(
                f"{source}: {_titled(first)} and {_titled(second)} are both of {first.date}; growth needs exams of "
                f"different days: keep one image of each day{_HOW_TO_CHOOSE if first.series else ''}"
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
    return Exam(folder, _date(text.replace(".", ""), str(entries[0].path)), series=uid)


def _dicom_patient(exam: Exam) -> str:
    """Return whom a DICOM exam says it is of; empty for other formats."""
    if exam.path.is_dir():
        header = series_entries(exam.path, exam.series)[0].header
    elif exam.path.stat().st_size and file_format(exam.path) == "DICOM":
        header = file_entry(exam.path).header
    else:
        return ""
    return str(header.get("PatientID") or header.get("PatientName") or "").strip()


def _titled(exam: Exam) -> str:
    return f"series {exam.series}" if exam.series else exam.path.name


def _of_table(path: Path) -> list[Exam]:
    table = read_table(path, COLUMNS, known=FURTHER_COLUMNS)
    return [_of_row(path, line.number, line.cells) for line in table.lines]


def _of_row(table: Path, line: int, row: Mapping[str, str]) -> Exam:
    if not row["date"]:
        raise InputError(f"{table}, line {line}: has no date")
    file = table.parent / row["file"]
    if not row["file"] or not file.exists():
        raise InputError(f"{table}, line {line}: file {row['file'] or '(none)'} does not exist")
    label_map = table.parent / row["label_map"] if row.get("label_map") else None
    if label_map is not None and not label_map.is_file():
        raise InputError(f"{table}, line {line}: label map {row['label_map']} does not exist")
    date = _date(row["date"], f"{table}, line {line}")
    return Exam(file, date, row.get("patient", ""), row.get("series") or None, label_map)


def _date(text: str, where: str) -> datetime.date:
    for form in DATE_FORMS:
        with suppress(ValueError):
            found = datetime.datetime.strptime(text, form).date()
            if found.year >= FIRST_YEAR:
                return found
    raise InputError(f"{where}: {text!r} is not a date; expected one such as 2024-05-31")
