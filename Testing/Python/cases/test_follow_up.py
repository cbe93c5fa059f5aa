"""Follow-up of a tumour that grows at a known pace."""

from __future__ import annotations

import csv
import json
from itertools import pairwise

import numpy as np
import pytest

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.core import Grid, LabelMap
from CAMLocalizerLib.io import write_label_map, write_nifti

DOUBLING_DAYS = 40
DAYS = ("2024-01-01", "2024-01-31", "2024-04-10")
SHIFTS_MM = (0.0, 6.0, -9.0)
GRID = Grid((36, 36, 24), (3.0, 3.0, 4.0), (-54.0, -54.0, -48.0), np.eye(3))


def exam(days: int, shift_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """A smooth body that lies elsewhere each time, with a tumour that doubles and one that stays."""
    k, j, i = np.indices(GRID.shape_kji)
    x, y, z = np.moveaxis(GRID.to_lps(np.stack([i, j, k], axis=-1)) - (shift_mm, 0, 0), -1, 0)
    body = 100.0 * np.exp(-((x / 30) ** 4) - (y / 38) ** 4 - (z / 34) ** 4)
    body += 40 * np.exp(-((x - 12) ** 2 + (y + 16) ** 2 + (z - 8) ** 2) / 120)
    body -= 30 * np.exp(-((x + 14) ** 2 + (y - 18) ** 2 + (z + 10) ** 2) / 90)
    radius = 9.0 * 2 ** (days / DOUBLING_DAYS / 3)
    growing = x**2 + y**2 + z**2 <= radius**2
    staying = (x + 21) ** 2 + (y + 18) ** 2 + z**2 <= 6.5**2
    return (body + 60 * growing + 60 * staying).astype(np.float32), (growing | staying).astype(np.uint8)


@pytest.fixture
def table(tmp_path):
    lines = ["file,date,patient,label_map"]
    for date, days, shift in zip(DAYS, (0, 30, 100), SHIFTS_MM, strict=True):
        image, labels = exam(days, shift)
        write_nifti(image, GRID, tmp_path / f"{date}.nii.gz")
        write_label_map(LabelMap(labels, GRID), tmp_path / f"{date}-labels.nii.gz")
        lines.append(f"{date}.nii.gz,{date},P1,{date}-labels.nii.gz")
    path = tmp_path / "exams.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_known_doubling_time_is_found(table, tmp_path, capsys):
    assert main(["follow-up", str(table), "--output", str(tmp_path / "out")]) == 0
    assert "ml; doubles in " in capsys.readouterr().out
    report = json.loads((tmp_path / "out" / "follow-up.json").read_text(encoding="utf-8"))
    growing, staying = report["tumours"]
    assert growing["doubling_days"] == pytest.approx(DOUBLING_DAYS, rel=0.06)  # voxels of 36 mm3 round the spheres
    assert growing["measurements"][0]["volume_ml"] == pytest.approx(4 / 3 * np.pi * 0.9**3, rel=0.06)
    assert staying["measurements"][2]["growth_relative"] == pytest.approx(0, abs=0.15)
    moved = [move["matrix_lps_mm"][0][3] for move in report["registrations"]]
    assert moved == pytest.approx([later - earlier for earlier, later in pairwise(SHIFTS_MM)], abs=1.0)


def test_table_plot_and_a_folder_per_exam_are_written(table, tmp_path):
    folder = tmp_path / "out"
    assert main(["follow-up", str(table), "--output", str(folder)]) == 0
    with (folder / "follow-up.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["tumour"], row["days"]) for row in rows[:3]] == [("1", "0"), ("1", "30"), ("1", "100")]
    assert float(rows[-1]["volume_ml"]) == pytest.approx(float(rows[2]["volume_ml"]) + float(rows[5]["volume_ml"]))
    assert rows[-1]["tumour"] == "all"
    assert (folder / "follow-up.png").stat().st_size > 5000
    assert sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) == [
        f"exam-{number}-{date}" for number, date in enumerate(DAYS, start=1)
    ]


def test_a_folder_that_exists_is_left_alone(table, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    assert main(["follow-up", str(table), "--output", str(tmp_path / "out")]) == 2
    assert "exists already" in capsys.readouterr().err
