"""The table of the refinement's gain."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace

from reproduction.evaluations import refinement


def outcome(iou: float, *slices: float) -> SimpleNamespace:
    return SimpleNamespace(iou=iou, dice=2 * iou / (1 + iou), slice_ious=slices)


def test_gains_are_counted_case_by_case_and_folds_apart(tmp_path: Path) -> None:
    rows = [
        refinement.Row(3, "glioma", "a", "none", outcome(0.4, 0.4, 0.0), 0.0),
        refinement.Row(3, "glioma", "a", "random-walk", outcome(0.65, 0.65, 0.0), 1.0),
        refinement.Row(4, "meningioma", "b", "none", outcome(0.5, 0.5), 0.0),
        refinement.Row(4, "meningioma", "b", "random-walk", outcome(0.3, 0.3), 3.0),
        refinement.Row(1, "glioma", "c", "none", outcome(1.0, 1.0), 0.0),
        refinement.Row(1, "glioma", "c", "random-walk", outcome(1.0, 1.0), 0.0),
        refinement.Row(3, refinement.PROGRESSION, "d", "none", outcome(0.1, 0.1), 0.0),
        refinement.Row(3, refinement.PROGRESSION, "d", "random-walk", outcome(0.2, 0.2), 0.0),
    ]
    refinement.write(refinement.summary(rows), tmp_path)
    with (tmp_path / "table.csv").open(encoding="utf-8") as file:
        table = {(row["patients"], row["group"], row["method"]): row for row in csv.DictReader(file)}
    both = table["held out", "all figshare", "random-walk"]
    assert (both["cases"], both["slices"], both["better"], both["worse"]) == ("2", "3", "1", "1")
    assert (both["iou"], both["slice_iou"], both["iou_gain"]) == ("0.475", "0.317", "0.025")
    assert (both["missed_slices"], both["seconds"]) == ("0.33", "2.00")
    assert table["held out", refinement.PROGRESSION, "random-walk"]["iou_gain"] == "0.100"
    assert table["chosen on", "glioma", "random-walk"]["cases"] == "1"
    assert (tmp_path / "table.md").read_text(encoding="utf-8").count("\n| held out |") == 8
