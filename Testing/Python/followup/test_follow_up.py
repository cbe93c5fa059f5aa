"""Follow-up of a tumour that grows at a known pace."""

from __future__ import annotations

import csv
import json
from itertools import pairwise

import numpy as np
import pytest

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.core import Grid, LabelMap
from CAMLocalizerLib.io import source_sha256, write_label_map, write_nifti
from CAMLocalizerLib.version import VERSION

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


def test_every_file_says_where_it_comes_from(table, tmp_path):
    folder = tmp_path / "out"
    assert main(["follow-up", str(table), "--output", str(folder)]) == 0
    sums = [source_sha256(tmp_path / f"{date}.nii.gz") for date in DAYS]
    label_maps = [source_sha256(tmp_path / f"{date}-labels.nii.gz") for date in DAYS]
    report = json.loads((folder / "follow-up.json").read_text(encoding="utf-8"))
    assert [entry["provenance"]["source_sha256"] for entry in report["exams"]] == sums
    assert [entry["provenance"]["label_map_sha256"] for entry in report["exams"]] == label_maps
    assert report["versions"]["camlocalizer"] == VERSION
    with (folder / "follow-up.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["CAMLocalizer_source_sha256"] for row in rows[:3]] == sums
    line = f"camlocalizer {VERSION} source {' '.join(entry[:12] for entry in sums)}"
    assert line.encode() in (folder / "follow-up.png").read_bytes()


def spheres(*places_and_radii):
    k, j, i = np.indices(GRID.shape_kji)
    points = GRID.to_lps(np.stack([i, j, k], axis=-1))
    masks = [np.linalg.norm(points - (x, 0, 0), axis=-1) <= radius for x, radius in places_and_radii]
    return LabelMap(np.any(masks, axis=0).astype(np.uint8), GRID)


@pytest.fixture
def merging(tmp_path):
    lines = ["file,date,label_map"]
    stages = [((-14, 8), (14, 7)), ((-14, 10), (14, 9)), ((-10, 14), (10, 14))]
    for date, stage in zip(DAYS, stages, strict=True):
        write_nifti(exam(0, 0.0)[0], GRID, tmp_path / f"{date}.nii.gz")
        write_label_map(spheres(*stage), tmp_path / f"{date}-labels.nii.gz")
        lines.append(f"{date}.nii.gz,{date},{date}-labels.nii.gz")
    path = tmp_path / "exams.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_tumour_that_grew_together_with_another_has_no_volume_of_its_own(merging, tmp_path, capsys):
    assert main(["follow-up", str(merging), "--output", str(tmp_path / "out")]) == 0
    first, second, total = capsys.readouterr().out.splitlines()[-6:-3]
    assert "tumour 2 grew into it" in first
    assert " -> ? ml; " in second
    assert second.endswith("then grew together with tumour 1")
    assert "tumour" not in total
    report = json.loads((tmp_path / "out" / "follow-up.json").read_text(encoding="utf-8"))
    last = report["tumours"][1]["measurements"][-1]
    assert (last["volume_ml"], last["growth_ml"], last["doubling_days"]) == (None, None, None)
    with (tmp_path / "out" / "follow-up.csv").open(newline="", encoding="utf-8") as stream:
        row = list(csv.DictReader(stream))[5]
    assert (row["tumour"], row["volume_ml"], row["part_of_tumour"]) == ("2", "", "1")


def test_a_tumour_that_came_off_another_has_no_volume_before(merging, tmp_path, capsys):
    lines = merging.read_text(encoding="utf-8").splitlines()
    cells = [line.split(",") for line in lines[1:]]
    turned = [",".join([file, date, label_map]) for (file, _, label_map), date in zip(cells[::-1], DAYS, strict=True)]
    merging.write_text("\n".join([lines[0], *turned]), encoding="utf-8")
    assert main(["follow-up", str(merging), "--output", str(tmp_path / "out")]) == 0
    second = capsys.readouterr().out.splitlines()[-5]
    assert second.startswith("tumour 2: ? -> ")
    assert second.endswith("came off tumour 1")
    with (tmp_path / "out" / "follow-up.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))[3:6]
    assert [(row["volume_ml"] == "", row["growth_ml"] == "", row["part_of_tumour"]) for row in rows] == [
        (True, True, "1"),
        (False, True, ""),
        (False, False, ""),
    ]


def test_a_label_map_of_another_grid_is_named_and_resampled_on_demand(table, tmp_path, capsys):
    coarse = Grid((18, 18, 12), (6.0, 6.0, 8.0), (-52.5, -52.5, -46.0), np.eye(3))
    write_label_map(LabelMap(np.ones(coarse.shape_kji, np.uint8), coarse), tmp_path / f"{DAYS[1]}-labels.nii.gz")
    arguments = ["follow-up", str(table), "--output", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert (
        f"{DAYS[1]}-labels.nii.gz: the label map lies on another grid than the image: 18 x" in capsys.readouterr().err
    )
    assert not (tmp_path / "out").exists()
    assert main([*arguments, "--resample"]) == 0


def test_small_components_of_label_maps_are_left_out_on_demand(table, tmp_path):
    arguments = ["follow-up", str(table), "--output", str(tmp_path / "out"), "--min-volume-ml", "2"]
    assert main(arguments) == 0
    report = json.loads((tmp_path / "out" / "follow-up.json").read_text(encoding="utf-8"))
    assert len(report["tumours"]) == 1
    assert report["exams"][0]["provenance"]["settings"] == {"min_volume_ml": 2.0, "resample": False}


def test_settings_of_the_model_are_refused_where_label_maps_are_given(table, tmp_path, capsys):
    assert main(["follow-up", str(table), "--output", str(tmp_path / "out"), "--threshold", "0.4"]) == 2
    assert "brings label maps, which --threshold does not change" in capsys.readouterr().err


def test_a_folder_that_exists_is_left_alone(table, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    assert main(["follow-up", str(table), "--output", str(tmp_path / "out")]) == 2
    assert "already exists" in capsys.readouterr().err
