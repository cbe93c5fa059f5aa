"""What a follow-up leaves: table, report, plot and the files of every exam."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from ..io import staged_folder, write_label_map
from ..version import VERSION
from .follow_up import FollowUp, Measurement, Tumour
from .results import write_results

CSV_FILE, JSON_FILE, PICTURE_FILE = "follow-up.csv", "follow-up.json", "follow-up.png"
FILES = (CSV_FILE, JSON_FILE, PICTURE_FILE)
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
TOTAL_COLOUR = "0.45"
PLOTTED = 6


def write_follow_up(found: FollowUp, folder: Path) -> None:
    """Write a row per tumour and exam, a report, a plot, and a folder per exam; all of it or nothing.

    Args:
        found: the tumours through the exams.
        folder: to be made.

    Raises:
        OutputError: the folder exists or cannot be written.
    """
    with staged_folder(folder) as staging:
        for index, result in enumerate(found.exams, start=1):
            own = staging / f"exam-{index}-{result.exam.date}"
            own.mkdir()
            if result.case is not None:
                write_results(result.case, own)
            else:
                write_label_map(result.label_map, own / "labelmap.nii.gz")
        _write_table(found, staging / CSV_FILE)
        text = json.dumps(build_follow_up_report(found), indent=2, ensure_ascii=False, allow_nan=False)
        (staging / JSON_FILE).write_text(text + "\n", encoding="utf-8", newline="\n")
        draw_follow_up(found, staging / PICTURE_FILE)


def build_follow_up_report(found: FollowUp) -> dict[str, Any]:
    """Return the follow-up as JSON values."""
    case = found.exams[0].case
    card = None if case is None else case.localization.card
    return {
        "model": None if card is None else {"name": card.name, "version": card.version, "sha256": card.sha256},
        "settings": None if case is None else dict(case.settings),
        "versions": {"camlocalizer": VERSION},
        "exams": [
            {"folder": f"exam-{index}-{result.exam.date}", "date": str(result.exam.date), "file": result.exam.path.name}
            for index, result in enumerate(found.exams, start=1)
        ],
        "registrations": [
            {"matrix_lps_mm": move.matrix.tolist(), "shift_mm": move.shift_mm, "angle_deg": move.angle_deg}
            for move in found.registrations
        ],
        "tumours": [_tumour(tumour) for tumour in found.tumours],
        "all_tumours": _tumour(found.total),
    }


def _tumour(tumour: Tumour) -> dict[str, Any]:
    return {
        "tumour": tumour.number,
        "doubling_days": tumour.doubling_days,
        "doubling_days_range": tumour.doubling_range,
        "merged_with": tumour.merged_with,
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
    followed = [*found.tumours, found.total]
    rows = [{"tumour": tumour.number or "all", **_row(each)} for tumour in followed for each in tumour.measurements]
    columns = ["tumour", *_row(Measurement(found.exams[0].exam.date, 0, 0.0, None, None, None))]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


def _cell(value: Any) -> Any:
    return f"{value:.4f}" if isinstance(value, float) else value


def draw_follow_up(found: FollowUp, path: Path) -> None:
    """Draw the volumes of all tumours together and of the largest six over time, with the range of the threshold."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 4.2), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    largest = sorted(found.tumours, key=lambda entry: -max(each.volume_ml for each in entry.measurements))[:PLOTTED]
    drawn = [found.total, *largest] if len(found.tumours) > 1 else largest
    colours = [TOTAL_COLOUR, *COLOURS] if len(found.tumours) > 1 else COLOURS
    for tumour, colour in zip(drawn, colours, strict=False):
        _draw_tumour(axes, tumour, colour)
    axes.set(xlabel="days since the first exam", ylabel="volume in ml", title="Volume over time", ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    if drawn:
        figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    figure.savefig(path)


def _draw_tumour(axes: Any, tumour: Tumour, colour: str) -> None:
    """Draw a line from exam to exam, up to where the tumour was seen last if it grew together with another."""
    seen = [n for n, each in enumerate(tumour.measurements) if each.volume_ml > 0]
    end = seen[-1] + 1 if tumour.merged_with and seen else len(tumour.measurements)
    shown = tumour.measurements[:end]
    days, volumes = [each.days for each in shown], [each.volume_ml for each in shown]
    axes.plot(days, volumes, "o-", color=colour, label=_label(tumour))
    for each in shown:
        if each.range_ml is not None:
            low, high = each.range_ml
            around = [[each.volume_ml - low], [high - each.volume_ml]]
            axes.errorbar([each.days], [each.volume_ml], around, color=colour, capsize=4, alpha=0.6)


def _label(tumour: Tumour) -> str:
    return f"{tumour_name(tumour)}: {doubling_sentence(tumour)}"


def tumour_name(tumour: Tumour) -> str:
    """Return what a tumour is called: its number, or that it stands for all."""
    return f"tumour {tumour.number}" if tumour.number else "all together"


def doubling_sentence(tumour: Tumour) -> str:
    """Say how fast a tumour doubles or halves, with the range that the threshold leaves."""
    time = tumour.doubling_days
    if time is None:
        return f"grown together with tumour {tumour.merged_with}" if tumour.merged_with else "no doubling time"
    word = "doubles" if time > 0 else "halves"
    if tumour.doubling_range is None:
        return f"{word} in {abs(time):.0f} days"
    low, high = tumour.doubling_range
    if low * high < 0:
        return f"{word} in {abs(time):.0f} days (the threshold decides whether it grows)"
    low, high = sorted((abs(low), abs(high)))
    return f"{word} in {abs(time):.0f} days ({low:.0f} to {high:.0f})"
