"""Tables of a batch: which case is which file, what was found, and what went wrong."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from io import StringIO
from pathlib import Path
from typing import Any

from ..case_files import CASE_FILES
from ..core import MM3_PER_ML, SUV_COLUMNS, OutputError
from ..io.writing import whole_file

CASES_FILE = "cases.csv"
SUMMARY_FILE = "summary.csv"
FAILURES_FILE = "failures.csv"
SKIPPED_FILE = "skipped.csv"
CASES_COLUMNS = ("case", "file", "series")
SENTENCE_COLUMNS = ("case", "sentence")


@dataclass(frozen=True)
class Row:
    """A finished case in the summary.

    Args:
        case: name of its folder.
        tumour_found: ``yes`` or ``no``.
        tumour_probability_max: of all its images; empty if it has none.
        components: number of components of the label map.
        volume_ml: of the label map.
        threshold: value that the activation was cut at.
        model_sha256: checksum of the weights.
        label_map_sha256: checksum of the label map's voxels and where they lie.
        seconds: that the case took.
        suv: PET measures of all components together; empty unless the case is a PET in SUV.
    """

    case: str
    tumour_found: str
    tumour_probability_max: str
    components: int
    volume_ml: str
    threshold: str
    model_sha256: str
    label_map_sha256: str
    seconds: str
    suv: Mapping[str, str] = field(default_factory=dict)

    def cells(self) -> dict[str, Any]:
        """Return the row as columns of a table."""
        plain = asdict(self)
        suv = plain.pop("suv")
        return {**plain, **suv}


def read_row(folder: Path, *, model_sha256: str, version: str) -> Row:
    """Read the summary of a finished case from its report.

    Raises:
        OutputError: a folder that is not a finished case, or one made by another model or version.
    """
    path = folder / CASE_FILES["report"]
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        made_by = (report["model"]["sha256"], report["versions"]["camlocalizer"])
        row = _row(folder.name, report)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{folder}: exists and is not a finished case of this batch; move it away") from error
    if made_by != (model_sha256, version):
        raise OutputError(f"{folder}: was made by another model or version; move it away")
    return row


def _row(case: str, report: Mapping[str, Any]) -> Row:
    highest = max((entry["tumour"] for entry in report["probabilities"]), default=None)
    volume_mm3 = sum(entry["volume_mm3"] for entry in report["components"])
    return Row(
        case=case,
        tumour_found="yes" if report["tumour_found"] else "no",
        tumour_probability_max="" if highest is None else f"{highest:.6f}",
        components=len(report["components"]),
        volume_ml=f"{volume_mm3 / MM3_PER_ML:.4f}",
        threshold=f"{report['settings']['threshold_value']:.6g}",
        model_sha256=report["model"]["sha256"],
        label_map_sha256=report["label_map"]["voxels_sha256"],
        seconds=f"{report['timings_s']['total']:.2f}",
        suv={key: "" if value is None else f"{value:.4f}" for key, value in report.get("suv_total", {}).items()},
    )


def write_summary(output: Path, rows: Iterable[Row]) -> None:
    """Write the table of finished cases, by name; with PET measures if any of them is a PET in SUV."""
    ordered = sorted(rows, key=lambda row: row.case)
    suv = [column.key for column in SUV_COLUMNS] if any(row.suv for row in ordered) else []
    plain = [entry.name for entry in fields(Row) if entry.name != "suv"]
    write_table(output / SUMMARY_FILE, [*plain, *suv], (row.cells() for row in ordered))


def write_failures(output: Path, failures: Mapping[str, str]) -> None:
    """Write the table of failed cases, by name."""
    _write_sentences(output / FAILURES_FILE, failures)


def write_skipped(output: Path, skipped: Mapping[str, str]) -> None:
    """Write the table of cases that needed no result, by name."""
    _write_sentences(output / SKIPPED_FILE, skipped)


def _write_sentences(path: Path, sentences: Mapping[str, str]) -> None:
    lines = ({"case": case, "sentence": sentences[case]} for case in sorted(sentences))
    write_table(path, SENTENCE_COLUMNS, lines)


def write_cases(output: Path, names: Mapping[tuple[str, str], str]) -> None:
    """Write which case is which file and series, by name of the case."""
    ordered = sorted(names.items(), key=lambda entry: entry[1])
    lines = ({"case": name, "file": file, "series": series} for (file, series), name in ordered)
    write_table(output / CASES_FILE, CASES_COLUMNS, lines)


def read_cases(output: Path) -> dict[tuple[str, str], str]:
    """Read what :func:`write_cases` wrote; nothing if it did not yet.

    Raises:
        OutputError: a damaged table.
    """
    path = output / CASES_FILE
    if not path.exists():
        return {}
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
            return {(line["file"], line["series"]): line["case"] for line in csv.DictReader(stream)}
    except (OSError, KeyError, csv.Error) as error:
        raise OutputError(f"{path}: is damaged; choose another --output") from error


def write_table(path: Path, columns: Iterable[str], lines: Iterable[Mapping[str, Any]]) -> None:
    """Write a CSV table whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    stream = StringIO()
    writer = csv.DictWriter(stream, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    replace_file(path, stream.getvalue())


def replace_file(path: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")
