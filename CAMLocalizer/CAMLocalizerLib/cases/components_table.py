"""components.csv: what is known of each component of a label map, and of all together."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from ..core import MM3_PER_ML
from ..io.writing import output_errors
from .provenance import fact_columns, provenance
from .report import CaseResult, lists_candidates

ALL = "all"
DIGITS = 6


def component_rows(result: CaseResult) -> list[dict[str, Any]]:
    """Return a row per component, largest first, and one of all together.

    Returns:
        Column name, with the unit at its end, to value; None where there is none. A PET in SUV has the columns of
        :data:`~CAMLocalizerLib.core.SUV_COLUMNS`, any other volume has not. Models of candidates have a column
        ``kept``: the rows of those that the threshold leaves out say ``no`` and do not count for all together.
    """
    parts, total = result.components, result.suv_total
    listed = lists_candidates(result)
    rows = []
    for entry, kept in (*((part, "yes") for part in parts), *((part, "no") for part in result.left_out)):
        x, y, z = (round(value, DIGITS) for value in entry.centre_lps_mm)
        row = _row(entry.label, entry.volume_mm3, entry.voxels, entry.peak)
        row |= {"centre_x_lps_mm": x, "centre_y_lps_mm": y, "centre_z_lps_mm": z}
        rows.append(row | ({"kept": kept} if listed else {}) | ({} if entry.suv is None else entry.suv.values()))
    volume_mm3, voxels = sum(entry.volume_mm3 for entry in parts), sum(entry.voxels for entry in parts)
    peak = max((entry.peak for entry in parts if entry.peak is not None), default=None)
    every = _row(ALL, volume_mm3, voxels, peak)
    every |= dict.fromkeys(("centre_x_lps_mm", "centre_y_lps_mm", "centre_z_lps_mm"))
    return [*rows, every | ({"kept": "yes"} if listed else {}) | ({} if total is None else total.values())]


def _row(component: int | str, volume_mm3: float, voxels: int, peak: float | None) -> dict[str, Any]:
    return {
        "component": component,
        "volume_ml": round(volume_mm3 / MM3_PER_ML, DIGITS),
        "voxels": voxels,
        "peak_activation": None if peak is None else round(peak, DIGITS),
    }


def write_components(result: CaseResult, path: Path) -> None:
    """Write :func:`component_rows` as CSV, with where they come from in columns ``CAMLocalizer_...``.

    Raises:
        OutputError: the file cannot be written.
    """
    facts = fact_columns(provenance(result))
    rows = [row | facts for row in component_rows(result)]
    with output_errors(path), path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[-1]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
