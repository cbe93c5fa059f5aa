"""The files of an evaluation: figures.json, cases.csv and table.md."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from ..metrics import CONFIDENCE, DRAWS, ReliabilityBin
from ..version import VERSION
from .assessment import MODEL, Assessment
from .figures import ALL, PARTS, Figure

FIGURES_FILE, CASES_FILE, TABLE_FILE = "figures.json", "cases.csv", "table.md"


@dataclass(frozen=True)
class Study:
    """What was evaluated, and how.

    Args:
        command: that was given.
        model: name and version.
        checksums: SHA-256 of the weights: by ``model``, or by fold where each patient was judged by its fold's network.
        patients, files: of the table.
        baselines: that the model was compared with.
        seed: of the bootstrap.
        draws: of the bootstrap.
        confidence: of the intervals.
        notes: what had to be assumed, in sentences.
    """

    command: str
    model: str
    checksums: Mapping[str, str]
    patients: int
    files: int
    baselines: tuple[str, ...]
    seed: int
    draws: int = DRAWS
    confidence: float = CONFIDENCE
    notes: tuple[str, ...] = ()


def write_figures(
    study: Study, figures: Sequence[Figure], bins: Mapping[str, Sequence[ReliabilityBin]], path: Path
) -> None:
    """Write all figures as JSON; what is not defined is null.

    Args:
        study: what was evaluated.
        figures: with their intervals.
        bins: reliability of slices and of volumes.
        path: of the file.
    """
    values = {
        "camlocalizer": VERSION,
        **asdict(study),
        "figures": [_plain(asdict(figure)) for figure in figures],
        "reliability": {kind: [_plain(_bin_values(each)) for each in own] for kind, own in bins.items()},
    }
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _bin_values(each: ReliabilityBin) -> dict[str, Any]:
    """Return the values of a bin; the file calls the fraction of correct predictions ``share_right``."""
    values = asdict(each)
    return {"share_right" if name == "fraction_correct" else name: value for name, value in values.items()}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: (round(value, 6) if math.isfinite(value) else None) if isinstance(value, float) else value
        for name, value in values.items()
    }


def write_cases(assessments: Sequence[Assessment], path: Path) -> None:
    """Write a line per slice and volume, with its agreement for the model and each baseline."""
    lines = [_case_line(each) for each in assessments]
    columns = list(dict.fromkeys(name for line in lines for name in line))
    stream = StringIO()
    writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    path.write_text(stream.getvalue(), encoding="utf-8")


def _case_line(assessed: Assessment) -> dict[str, Any]:
    line: dict[str, Any] = {
        "kind": assessed.kind,
        "case": assessed.name,
        "patient": assessed.patient,
        "site": assessed.file.site,
        "plane": assessed.plane,
        "label": assessed.label,
        "network of fold": "" if assessed.fold is None else assessed.fold,
        "tumour": int(assessed.tumour),
        "p(tumour)": f"{assessed.probability:.6f}",
        "found": assessed.found_class,
        "p(found)": f"{assessed.confidence:.6f}",
        "right": "" if assessed.right is None else int(assessed.right),
    }
    for system, found in assessed.agreement.items():
        values = {name: f"{getattr(found, name):.4f}" for name in ("iou", "dice", "true_ml", "found_ml")}
        values |= {name: str(count) for name, count in asdict(found.counts).items()}
        line |= {f"{system}: {name}": value for name, value in values.items()}
    return line


def write_table(study: Study, figures: Sequence[Figure], path: Path) -> None:
    """Write the figures for readers as Markdown, the model's beside those of the baselines."""
    lines = [f"# {study.model}: localisation quality", "", f"`{study.command}`", "", *_facts(study)]
    for part in PARTS:
        if own := [figure for figure in figures if figure.part == part]:
            lines += ["", f"## {part[0].upper()}{part[1:]}", "", *_rows(own, study)]
    if study.notes:
        lines += ["", "## Notes", "", *(f"- {note}" for note in study.notes)]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def _facts(study: Study) -> list[str]:
    checksums = [f"- weights, {name}: SHA-256 `{checksum}`" for name, checksum in study.checksums.items()]
    note = "Each image was judged by the network of the fold that did not see its patient."
    return [
        f"- {study.patients} patients, {study.files} files; CAMLocalizer {VERSION}",
        *checksums,
        *([f"- {note}"] if MODEL not in study.checksums else []),
        f"- In brackets: {study.confidence:.0%} interval, {study.draws} bootstrap draws by patient, seed {study.seed}.",
        "- Label maps are those of the default settings; a tumour of the wrong type counts as it was marked.",
    ]


def _rows(figures: Sequence[Figure], study: Study) -> list[str]:
    """Make a line per measure and group, with a column per system that has one of these figures."""
    systems = [name for name in (MODEL, *study.baselines) if any(figure.system == name for figure in figures)]
    titles = ["measure", "group", "patients", "images", *(study.model if name == MODEL else name for name in systems)]
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    by_line: dict[tuple[str, str], dict[str, Figure]] = {}
    for figure in figures:
        by_line.setdefault((figure.measure, figure.group), {})[figure.system] = figure
    for measure, group in sorted(by_line, key=lambda key: _order(key, list(by_line))):
        found = by_line[measure, group]
        first = next(iter(found.values()))
        cells = [figure_text(found[name]) if name in found else "" for name in systems]
        lines.append(f"| {' | '.join([measure, group, str(first.patients), str(first.images), *cells])} |")
    return lines


def _order(key: tuple[str, str], keys: Sequence[tuple[str, str]]) -> tuple[int, int]:
    """Keep the measures together, each with all images first."""
    measures = list(dict.fromkeys(measure for measure, group in keys if group == ALL))
    return measures.index(key[0]), list(keys).index(key)


def figure_text(figure: Figure) -> str:
    """Write a figure with its interval: ``0.42 [0.35, 0.50]``."""
    if math.isnan(figure.value):
        return "-"
    interval = "" if math.isnan(figure.low) else f" [{_number(figure.low)}, {_number(figure.high)}]"
    return _number(figure.value) + interval


def _number(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
