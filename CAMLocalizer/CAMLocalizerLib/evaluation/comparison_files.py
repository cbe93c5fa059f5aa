"""The files of a comparison: comparison.json, comparison.md and cases.csv."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

from ..version import VERSION
from .assessment import MODEL, Assessment
from .comparison import CompareResult, Comparison

JSON_FILE, TABLE_FILE, CASES_FILE = "comparison.json", "comparison.md", "cases.csv"
FILES = (JSON_FILE, TABLE_FILE, CASES_FILE)


def comparison_rows(result: CompareResult) -> list[tuple[str, ...]]:
    """Return the table, its titles first: measure, patients, cases, both models, difference with interval, p."""
    titles = ("measure", "patients", "cases", *result.names, "difference [95 % interval]", "p")
    return [titles, *(_row(each) for each in result.comparisons)]


def _row(each: Comparison) -> tuple[str, ...]:
    interval = "" if math.isnan(each.low) else f" [{each.low:+.3f}, {each.high:+.3f}]"
    p = "-" if math.isnan(each.p) else f"{each.p:.3f}"
    values = (f"{each.first:.3f}", f"{each.second:.3f}", f"{each.difference:+.3f}{interval}", p)
    return f"{each.part}s: {each.measure}", str(each.patients), str(each.cases), *values


def comparison_values(result: CompareResult, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the comparison as JSON values; what is not defined is null.

    Args:
        result: of the comparison.
        facts: of the study: command, checksums, seed and draws.
    """
    return {
        "camlocalizer": VERSION,
        **facts,
        "models": list(result.names),
        "conclusion": result.conclusion,
        "comparisons": [_plain(each, result.names) for each in result.comparisons],
        "notes": list(result.notes),
        "patients_left_out": len(result.left_out),
    }


def _plain(each: Comparison, names: tuple[str, str]) -> dict[str, Any]:
    better = None if each.better is None else names[each.better]
    values = asdict(each) | {"difference": each.difference, "better": better}
    return {
        name: (round(value, 6) if math.isfinite(value) else None) if isinstance(value, float) else value
        for name, value in values.items()
    }


def write_comparison(result: CompareResult, folder: Path, facts: Mapping[str, Any]) -> None:
    """Write :data:`FILES` into an existing folder; ``facts`` as for `comparison_values`."""
    text = json.dumps(comparison_values(result, facts), indent=2, ensure_ascii=False) + "\n"
    (folder / JSON_FILE).write_text(text, encoding="utf-8")
    (folder / TABLE_FILE).write_text("\n".join(_table(result, facts)) + "\n", encoding="utf-8")
    (folder / CASES_FILE).write_text(_cases(result), encoding="utf-8")


def _table(result: CompareResult, facts: Mapping[str, Any]) -> list[str]:
    titles, *rows = comparison_rows(result)
    first, second = result.names
    return [
        f"# {first} and {second}",
        "",
        f"`{facts['command']}`",
        "",
        result.conclusion,
        "",
        f"| {' | '.join(titles)} |",
        "|---" * len(titles) + "|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        f"The difference is {second} minus {first}. In brackets: 95 % interval of a bootstrap that draws patients,",
        f"{facts['draws']} draws, seed {facts['seed']}. p: permutation test that exchanges the models by patient,",
        "adjusted for the number of measures (Holm). A model is called better if p < 0.05 and the interval excludes 0.",
        *("", *(f"- {note}" for note in result.notes)) * bool(result.notes),
    ]


def _cases(result: CompareResult) -> str:
    stream = StringIO()
    names = ("p(tumour)", "found", "right", "iou", "dice")
    titles = [f"{model}: {name}" for model in result.names for name in names]
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["kind", "case", "patient", "label", *titles])
    for pair in result.pairs:
        first = pair[0]
        cells = [cell for each in pair for cell in _cells(each)]
        writer.writerow([first.kind, first.name, first.patient, first.label, *cells])
    return stream.getvalue()


def _cells(each: Assessment) -> tuple[str, ...]:
    right = "" if each.right is None else str(int(each.right))
    found = each.agreement.get(MODEL)
    overlap = ("", "") if found is None else (f"{found.iou:.4f}", f"{found.dice:.4f}")
    return f"{each.probability:.6f}", each.found_class, right, *overlap
