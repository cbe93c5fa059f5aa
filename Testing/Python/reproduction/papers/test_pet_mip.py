"""The PET paper from end to end: few patients, coarse voxels, an epoch."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, InputError
from CAMLocalizerLib.io import write_nifti
from reproduction.papers import reproduce
from reproduction.papers.pet_mip.evaluation import PETOutcome
from reproduction.papers.pet_mip.reproduce import PAPER, ROWS, findings, over_folds, table_entries
from reproduction.papers.pet_mip.rows import CAMS, OURS, UNET


def an_outcome(dice: float, label: int, found_label: int = 0) -> PETOutcome:
    return PETOutcome("case", label, found_label, dice, dice > 0, dice > 0, False, 1.0, 1.0, 0.0)


@pytest.fixture
def data(tmp_path):
    """One sarcoma crop as the real folder has them."""
    folder = tmp_path / "data" / "pet_sts_cropped"
    folder.mkdir(parents=True)
    grid = Grid((24, 24, 30), (6.0, 6.0, 6.0), (0.0, 0.0, 0.0), np.eye(3))
    pixels = np.random.default_rng(2).gamma(2.0, 0.3, grid.shape_kji).astype(np.float32)
    mask = np.zeros(grid.shape_kji, np.float32)
    mask[12:18, 10:15, 9:14] = 1.0
    for name, array in (("image", pixels + 6 * mask), ("mask", mask)):
        write_nifti(array, grid, folder / f"STS_009_PET_{name}.nii.gz")
    return tmp_path / "data"


def test_the_quick_run_fills_every_row_and_goes_on_where_it_stopped(data, tmp_path):
    said: list[str] = []
    reproduce("pet-mip", data, tmp_path / "out", tmp_path / "work", quick=True, report=said.append)
    with (tmp_path / "out" / "table.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    for label, table in ((1, "Table 1: oesophagus cancer"), (0, "Table 2: lung cancer")):
        cells = {line["row"]: line for line in lines if line["table"] == table}
        assert {float(cells[row]["paper"]) for row in ROWS} == {PAPER[label, row][0] for row in ROWS}
        assert all(0 <= float(cells[row]["ours"]) <= 1 for row in ROWS)
    assert any(line["row"] == "Our: pet_sts_cropped" for line in lines)
    assert (tmp_path / "out" / "maps.png").stat().st_size > 10_000
    assert "What differs from the paper" in (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
    again: list[str] = []
    reproduce("pet-mip", data, tmp_path / "out", tmp_path / "work", quick=True, report=again.append)
    assert not any("epoch" in line for line in again)
    assert any("epoch" in line for line in said)


def test_figures_are_means_over_patients_with_the_deviation_of_the_folds():
    outcomes = {
        (OURS, 1): [an_outcome(0.8, 0), an_outcome(0.6, 0), an_outcome(0.1, 1)],
        (OURS, 2): [an_outcome(0.2, 0)],
    }
    mean, deviation, count = over_folds(outcomes, OURS, "dice", 0)
    assert mean == pytest.approx(1.6 / 3)
    assert deviation == pytest.approx(np.std([0.7, 0.2], ddof=1))
    assert count == 3
    assert over_folds(outcomes, UNET, "dice", 0) == (None, None, None)


def test_rows_that_were_not_run_yet_stand_in_the_table_without_a_figure():
    entries = table_entries({(CAMS, 1): [an_outcome(0.5, 1, found_label=1)]})
    dice = {entry.row: entry.ours for entry in entries if entry.table.startswith("Table 1")}
    assert dice == {CAMS: 0.5, UNET: None, "CAMs & FCNs": None, OURS: None}


def test_findings_say_whether_the_order_of_the_paper_is_found_again():
    right = {(CAMS, 1): [an_outcome(0.3, 1)], (OURS, 1): [an_outcome(0.6, 1)]}
    wrong = {(CAMS, 1): [an_outcome(0.6, 1)], (OURS, 1): [an_outcome(0.3, 1)]}
    assert "; the paper's order." in findings(right)[0]
    assert "by +0.30 (paper: +0.20)" in findings(right)[1]
    assert "not the paper's order (Our, CAMs alone)" in findings(wrong)[0]


def test_a_work_folder_of_other_settings_is_refused(tmp_path):
    folder = tmp_path / "work" / "u-net-1"
    folder.mkdir(parents=True)
    (folder / "outcomes.json").write_text('{"key": {"settings": "others"}, "outcomes": []}', encoding="utf-8")
    with pytest.raises(InputError, match="holds a run with other settings"):
        reproduce("pet-mip", tmp_path, tmp_path / "out", tmp_path / "work", quick=True, report=lambda _line: None)
