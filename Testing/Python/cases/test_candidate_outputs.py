"""Candidates that the threshold leaves out, in every file of a case: listed, measured, and not counted."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from matplotlib.image import imread
from uptake_phantoms import hot_balls, judged_volume

from CAMLocalizerLib.cases import describe_result, make_case, write_results
from CAMLocalizerLib.core import LabelMap

BALLS = [((12, 20, 12), 3.0, 8.0), ((34, 18, 30), 4.0, 5.0), ((34, 22, 12), 3.0, 4.0)]


@pytest.fixture
def result():
    found = judged_volume(hot_balls(BALLS), [0.9, 0.3, 0.1])
    return make_case(found, found.default_settings(), "pet.nii.gz")


def test_they_follow_the_components_most_probable_first(result) -> None:
    assert [entry.label for entry in result.components] == [1]
    assert [(entry.label, round(entry.peak, 1)) for entry in result.left_out] == [(2, 0.3), (3, 0.1)]
    highest = result.localization.volume.array_kji[34, 18, 30]
    assert result.left_out[0].suv.max_suv == pytest.approx(highest)
    assert result.suv_total.max_suv == result.components[0].suv.max_suv
    text = describe_result(result, {})
    assert text.startswith("volume: suspicious uptake (highest probability 0.90), ")


def test_table_report_and_page_list_them(result, tmp_path) -> None:
    write_results(result, tmp_path, exports=["html"])
    with (tmp_path / "components.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["component"], row["kept"]) for row in rows] == [("1", "yes"), ("2", "no"), ("3", "no"), ("all", "yes")]
    assert rows[3]["volume_ml"] == rows[0]["volume_ml"]
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [entry["label"] for entry in report["left_out"]] == [2, 3]
    assert report["settings"]["uptake_border"] == "50%"
    page = next(tmp_path.glob("*.html")).read_text(encoding="utf-8")
    assert "Left out by the threshold" in page
    assert page.count("Probability</th>") == 2


def test_what_a_reviewer_took_in_is_no_longer_left_out(result) -> None:
    found, settings = result.localization, result.label_settings
    taken = found.label_map(threshold="0.2")
    case = make_case(found, settings, "pet.nii.gz", label_map=LabelMap(taken.array_kji, taken.grid))
    assert case.corrected
    assert [round(entry.peak, 1) for entry in case.left_out] == [0.1]
    assert case.left_out[0].label == len(case.components) + 1 == 3


def test_without_a_lesion_the_files_say_so(tmp_path) -> None:
    found = judged_volume(hot_balls(BALLS), [0.3, 0.2, 0.1])
    nothing = make_case(found, found.default_settings(), "pet.nii.gz")
    assert describe_result(nothing, {}).startswith("volume: no suspicious uptake (highest probability 0.30)")
    write_results(nothing, tmp_path, exports=["html"])
    assert len(json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["left_out"]) == 3
    assert "Left out by the threshold" in next(tmp_path.glob("*.html")).read_text(encoding="utf-8")


def test_the_picture_shows_lesions_in_blue_and_what_is_left_out_in_grey(result, tmp_path) -> None:
    write_results(result, tmp_path)
    picture = (imread(tmp_path / "overview.png")[..., :3] * 255).round().astype(int)
    near = lambda colour: (np.abs(picture - colour).sum(axis=2) < 12).sum()  # noqa: E731
    assert near((0, 80, 255)) > 100
    assert near((138, 143, 152)) > 100
