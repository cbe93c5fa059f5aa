"""The five PET measures in every file of a case, the same everywhere, and in none of another volume."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import astuple, replace

import numpy as np
import pytest
from highdicom import sr
from pydicom import dcmread

from CAMLocalizerLib.batch.batch_tables import read_row, write_summary
from CAMLocalizerLib.cases import EXPORTS, CaseResult, describe_result, make_case, write_results
from CAMLocalizerLib.core import SUV_COLUMNS, LabelMap, SuvMeasures

KEYS = [column.key for column in SUV_COLUMNS]


@pytest.fixture
def lesions(oblique_grid) -> LabelMap:
    """Two lesions, the first within the volume, the second at its border."""
    array = np.zeros(oblique_grid.shape_kji, np.uint8)
    array[3:6, 8:16, 7:14], array[0:2, 0:3, 0:3] = 1, 1
    return LabelMap(array, oblique_grid)


@pytest.fixture
def pet_case(found, lesions) -> CaseResult:
    volume = replace(found.volume, array_kji=np.abs(found.volume.array_kji) / 20, unit="SUVbw")
    return make_case(replace(found, volume=volume), found.default_settings(), "pet.nii.gz", label_map=lesions)


@pytest.fixture
def folder(pet_case, source, tmp_path):
    place = tmp_path / "out"
    place.mkdir()
    write_results(pet_case, place, exports=list(EXPORTS), source=source)
    return place


def rows_of(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def numbers(row) -> list[float | None]:
    return [float(row[key]) if row[key] not in ("", None) else None for key in KEYS]


def test_the_measures_are_those_of_the_voxels(pet_case, lesions):
    inner, border = pet_case.components
    values = pet_case.localization.volume.array_kji[3:6, 8:16, 7:14].astype(float)
    assert inner.suv.max_suv == pytest.approx(values.max())
    assert inner.suv.mean_suv == pytest.approx(values.mean())
    assert inner.suv.mtv_ml == pytest.approx(inner.volume_mm3 / 1000)
    assert inner.suv.tlg_g == pytest.approx(values.mean() * inner.volume_mm3 / 1000)
    assert values.min() < inner.suv.peak_suv < values.max()
    assert border.suv.peak_suv is None
    assert pet_case.suv_total == SuvMeasures.total([inner.suv, border.suv])


def test_table_report_and_page_say_the_same(pet_case, folder):
    expected = [*(entry.suv for entry in pet_case.components), pet_case.suv_total]
    rows = rows_of(folder / "components.csv")
    assert [row["component"] for row in rows] == ["1", "2", "all"]
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    page = (folder / "report.html").read_text(encoding="utf-8")
    for suv, row, entry in zip(expected, rows, [*report["components"], report["suv_total"]], strict=True):
        assert numbers(row) == numbers(entry) == list(suv.values().values())
        cells = "".join(f'<td class="number">{text}</td>' for text in suv.texts())
        assert cells in page
    assert float(rows[2]["volume_ml"]) == pytest.approx(float(rows[0]["volume_ml"]) + float(rows[1]["volume_ml"]))
    assert rows[0]["CAMLocalizer_model_sha256"] == pet_case.localization.card.sha256
    for title in ("SUVmax (g/ml)", "SUVmean (g/ml)", "SUVpeak (g/ml)", "MTV (ml)", "TLG (g)"):
        assert f">{title}</th>" in page
    assert "partial volume effect" in page


def test_dicom_has_a_segment_and_a_group_for_each_lesion_and_one_for_all(pet_case, folder):
    names = [segment.SegmentLabel for segment in dcmread(folder / "segmentation.dcm").SegmentSequence]
    assert names == ["Tumour 1", "Tumour 2"]
    content = sr.srread(folder / "measurements.dcm").content
    groups = content.get_volumetric_roi_measurement_groups()
    told = [{one.name.meaning: one.value for one in group.get_measurements()} for group in groups]
    for values, entry in zip(told, pet_case.components, strict=True):
        assert values["Metabolic Volume"] == pytest.approx(entry.suv.mtv_ml)
        assert values["Total Lesion Glycolysis"] == pytest.approx(entry.suv.tlg_g)
    peaks = [
        one.value
        for group in groups
        for one in group.get_measurements()
        if one.derivation is not None and one.derivation.meaning == "Peak Value Within ROI"
    ]
    assert peaks == [pytest.approx(pet_case.components[0].suv.peak_suv)]
    (every,) = content.get_image_measurement_groups()
    assert [one.value for one in every.get_measurements()] == pytest.approx(list(astuple(pet_case.suv_total)))


def test_radiomics_hold_each_lesion_and_all(pet_case, folder):
    rows = rows_of(folder / "radiomics.csv")
    assert [row["Segment"] for row in rows] == ["Tumour", "Tumour, component 1", "Tumour, component 2"]
    expected = [pet_case.suv_total, *(entry.suv for entry in pet_case.components)]
    for row, suv in zip(rows, expected, strict=True):
        assert numbers(row) == pytest.approx(list(suv.values().values()), abs=2e-6)


def test_other_volumes_have_no_such_columns(case, source, tmp_path):
    write_results(case, tmp_path, exports=list(EXPORTS), source=source)
    for name in ("components.csv", "radiomics.csv"):
        assert not set(KEYS) & set(rows_of(tmp_path / name)[0])
    for name in ("report.json", "report.html"):
        assert not re.search("SUVmax|suv_max|tlg_g", (tmp_path / name).read_text(encoding="utf-8"))
    content = sr.srread(tmp_path / "measurements.dcm").content
    assert content.get_image_measurement_groups() == []
    assert case.suv_total is None
    assert "SUV" not in describe_result(case, {})


def test_a_pet_without_lesion_has_a_total_of_nothing(found, oblique_grid, tmp_path):
    volume = replace(found.volume, unit="SUVbw")
    nothing = LabelMap(np.zeros(oblique_grid.shape_kji, np.uint8), oblique_grid)
    empty = make_case(replace(found, volume=volume), found.default_settings(), "pet.nii.gz", label_map=nothing)
    write_results(empty, tmp_path)
    (row,) = rows_of(tmp_path / "components.csv")
    assert numbers(row) == [None, None, None, 0.0, 0.0]


def test_too_many_lesions_for_dicom_are_told_as_one(pet_case, source, tmp_path, caplog):
    scattered = np.zeros(pet_case.label_map.grid.shape_kji, np.uint8)
    scattered[::2, ::2, ::2] = 1
    many = replace(pet_case, label_map=LabelMap(scattered, pet_case.label_map.grid))
    write_results(many, tmp_path, exports=["dicom-sr"], source=source)
    assert "DICOM results tell all lesions as one: the label map has more than 255" in caplog.text
    assert len(dcmread(tmp_path / "segmentation.dcm").SegmentSequence) == 1


def test_the_summary_of_a_batch_holds_the_totals(pet_case, folder, case, tmp_path):
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    pet = read_row(folder, model_sha256=report["model"]["sha256"], version=report["versions"]["camlocalizer"])
    other = replace(pet, case="brain", suv={})
    write_summary(tmp_path, [pet, other])
    brain, first = rows_of(tmp_path / "summary.csv")
    assert numbers(first) == pytest.approx(list(astuple(pet_case.suv_total)), abs=1e-4)
    assert numbers(brain) == [None] * 5
    write_summary(tmp_path, [other])
    assert not set(KEYS) & set(rows_of(tmp_path / "summary.csv")[0])
