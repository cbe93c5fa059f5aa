"""The files of a follow-up: table, report, plot and the files of every exam."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from ..case_files import CASE_FILES
from ..cases.provenance import fact_columns, short_line
from ..cases.report import installed_versions
from ..cases.results import write_results
from ..io import write_label_map
from ..io.writing import output_errors
from .tracking import ExamResult, FollowUp, Measurement, Tumour

CSV_FILE, JSON_FILE, PICTURE_FILE = "follow-up.csv", "follow-up.json", "follow-up.png"
FILES = (CSV_FILE, JSON_FILE, PICTURE_FILE)
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
TOTAL_COLOUR = "0.45"
PLOTTED = 6


def write_follow_up(found: FollowUp, folder: Path) -> None:
    """Write a row per tumour and exam, a report, a plot, and a folder per exam into an existing folder.

    Args:
        found: the tumours through the exams.
        folder: an existing one, best a :func:`staged_folder`.

    Raises:
        OutputError: the folder cannot be written or the disk is full.
    """
    with output_errors(folder):
        for index, result in enumerate(found.exams, start=1):
            own = folder / _exam_folder(index, result)
            own.mkdir()
            if result.case is not None:
                write_results(result.case, own)
            else:
                line = short_line([result.facts["source_sha256"]])
                write_label_map(
                    result.label_map, own / CASE_FILES["label map"], description=line, matrices=result.volume.matrices
                )
        _write_table(found, folder / CSV_FILE)
        text = json.dumps(build_follow_up_report(found), indent=2, ensure_ascii=False, allow_nan=False)
        (folder / JSON_FILE).write_text(text + "\n", encoding="utf-8", newline="\n")
        draw_follow_up(found, folder / PICTURE_FILE)


def _exam_folder(index: int, result: ExamResult) -> str:
    return f"exam-{index}-{result.exam.date}"


def build_follow_up_report(found: FollowUp) -> dict[str, Any]:
    """Return the follow-up as JSON values."""
    case = found.exams[0].case
    card = None if case is None else case.localization.card
    return {
        "model": None if card is None else {"name": card.name, "version": card.version, "sha256": card.sha256},
        "settings": None if case is None else dict(case.settings),
        "versions": installed_versions(),
        "exams": [_exam(index, result) for index, result in enumerate(found.exams, start=1)],
        "registrations": [
            {"matrix_lps_mm": move.matrix.tolist(), "shift_mm": move.shift_mm, "angle_deg": move.angle_deg}
            for move in found.registrations
        ],
        "tumours": [_tumour(tumour) for tumour in found.tumours],
        "all_tumours": _tumour(found.total),
    }


def _exam(index: int, result: ExamResult) -> dict[str, Any]:
    label_map = result.exam.label_map
    return {
        "folder": _exam_folder(index, result),
        "date": str(result.exam.date),
        "file": result.exam.path.name,
        "label_map": None if label_map is None else label_map.name,
        "provenance": dict(result.facts),
    }


def _tumour(tumour: Tumour) -> dict[str, Any]:
    return {
        "tumour": tumour.number,
        "doubling_days": tumour.doubling_days,
        "doubling_days_range": tumour.doubling_range,
        "merged_with": tumour.merged_with,
        "absorbed": list(tumour.absorbed),
        "split_from": tumour.split_from,
        "measurements": [_row(measurement) for measurement in tumour.measurements],
    }


def _row(measurement: Measurement) -> dict[str, Any]:
    low, high = measurement.range_ml or (None, None)
    x, y, z = measurement.centre_lps_mm or (None, None, None)
    change = measurement.change
    return {
        "date": str(measurement.date),
        "days": measurement.days,
        "volume_ml": measurement.volume_ml,
        "volume_low_ml": low,
        "volume_high_ml": high,
        "growth_ml": None if change is None else change.absolute_ml,
        "growth_relative": None if change is None else change.relative,
        "doubling_days": None if change is None else change.doubling_days,
        "x_lps_mm": x,
        "y_lps_mm": y,
        "z_lps_mm": z,
    }


def _write_table(found: FollowUp, path: Path) -> None:
    rows = []
    for tumour in (*found.tumours, found.total):
        for each, result in zip(tumour.measurements, found.exams, strict=True):
            part_of = _part_of(tumour, each)
            facts = fact_columns(result.facts)
            rows.append({"tumour": tumour.number or "all", **_row(each), "part_of_tumour": part_of, **facts})
    columns = dict.fromkeys(name for row in rows for name in row)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


def _part_of(tumour: Tumour, measurement: Measurement) -> int | None:
    """Return the tumour that another is a part of in an exam; None where it stands alone or was not found."""
    if measurement.volume_ml is not None:
        return None
    begin = next(each.days for each in tumour.measurements if each.volume_ml is not None)
    return tumour.split_from if measurement.days < begin else tumour.merged_with


def _cell(value: Any) -> Any:
    return f"{value:.4f}" if isinstance(value, float) else value


def draw_follow_up(found: FollowUp, path: Path) -> None:
    """Draw the volumes of all tumours together and of the largest six over time, with the range of the threshold."""
    from matplotlib.figure import Figure

    largest = sorted(found.tumours, key=lambda entry: -max(each.volume_ml or 0 for each in entry.measurements))
    drawn = [found.total, *largest[:PLOTTED]] if len(found.tumours) > 1 else largest
    colours = [TOTAL_COLOUR, *COLOURS] if len(found.tumours) > 1 else COLOURS
    figure = Figure(figsize=(7.2, 3.6 + 0.2 * len(drawn)), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    for tumour, colour in zip(drawn, colours, strict=False):
        _draw_tumour(axes, tumour, colour)
    axes.set(xlabel="days since the first exam", ylabel="volume in ml", title="Volume over time", ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    if drawn:
        figure.legend(loc="outside lower left", frameon=False, fontsize="small")
    case = found.exams[0].case
    card = None if case is None else case.localization.card
    line = short_line([result.facts["source_sha256"] for result in found.exams], card)
    figure.savefig(path, metadata={"Description": line})


def _draw_tumour(axes: Any, tumour: Tumour, colour: str) -> None:
    """Draw a line from exam to exam, up to where the tumour was seen last if it grew together with another."""
    shown = [(each.days, each.volume_ml, each.range_ml) for each in tumour.measurements if each.volume_ml is not None]
    days, volumes = [each[0] for each in shown], [each[1] for each in shown]
    axes.plot(days, volumes, "o-", color=colour, label=_label(tumour))
    for day, volume, limits in shown:
        if limits is not None:
            around = [[volume - limits[0]], [limits[1] - volume]]
            axes.errorbar([day], [volume], around, color=colour, capsize=4, alpha=0.6)


def _label(tumour: Tumour) -> str:
    return f"{tumour_name(tumour)}: {doubling_sentence(tumour)}"


def tumour_name(tumour: Tumour) -> str:
    """Return what a tumour is called: its number, or that it stands for all."""
    return f"tumour {tumour.number}" if tumour.number else "all together"


def doubling_sentence(tumour: Tumour) -> str:
    """Return how fast a tumour doubles or halves, with the range that the threshold leaves, and what it merged with."""
    parts = [_pace(tumour)]
    if tumour.split_from is not None:
        parts.append(f"came off tumour {tumour.split_from}")
    if tumour.merged_with is not None:
        parts.append(f"then grew together with tumour {tumour.merged_with}")
    if tumour.absorbed:
        parts.append(f"tumour {' and '.join(map(str, tumour.absorbed))} grew into it")
    return ", ".join(parts)


def volumes_sentence(tumour: Tumour) -> str:
    """Return the volumes from exam to exam, ``?`` where a tumour is a part of another."""
    texts = ["?" if each.volume_ml is None else f"{each.volume_ml:.1f}" for each in tumour.measurements]
    return f"{' -> '.join(texts)} ml"


def _pace(tumour: Tumour) -> str:
    time = tumour.doubling_days
    if time is None:
        return "no doubling time"
    word = "doubles" if time > 0 else "halves"
    if tumour.doubling_range is None:
        return f"{word} in {abs(time):.0f} days"
    low, high = tumour.doubling_range
    if low * high < 0:
        return f"{word} in {abs(time):.0f} days (the threshold decides whether it grows)"
    low, high = sorted((abs(low), abs(high)))
    return f"{word} in {abs(time):.0f} days ({low:.0f} to {high:.0f})"
