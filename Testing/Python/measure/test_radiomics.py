"""Radiomics against direct calls of pyradiomics, and without pyradiomics."""

from __future__ import annotations

import csv
import math
import warnings

import numpy as np
import pytest
import SimpleITK

from CAMLocalizerLib.core import GridError, InputError, LabelMap, SettingsError, Volume
from CAMLocalizerLib.measure import radiomics, read_radiomics_params, segment_masks
from CAMLocalizerLib.measure.radiomics_params import RadiomicsParams

PARAMS = """
setting: {binWidth: 10}
imageType: {Original: {}, LoG: {sigma: [2.0]}}
featureClass: {shape: [MeshVolume, Sphericity], firstorder: }
"""


@pytest.fixture
def label_map(oblique_grid):
    """A box, two spheres of one segment, and a single voxel."""
    array = np.zeros(oblique_grid.shape_kji, np.uint8)
    array[1:4, 2:9, 3:9] = 1
    k, j, i = np.indices(oblique_grid.shape_kji)
    array[(k - 6) ** 2 + (j - 15) ** 2 / 9 + (i - 6) ** 2 / 9 < 2] = 2
    array[(k - 6) ** 2 + (j - 15) ** 2 / 9 + (i - 15) ** 2 / 9 < 1] = 2
    array[8, 0, 0] = 3
    return LabelMap(array, oblique_grid, ("Box", "Spheres", "Point"))


@pytest.fixture
def by_hand(oblique_volume, label_map, tmp_path):
    """Pyradiomics on files, as its documentation shows it."""
    pytest.importorskip("radiomics", reason="pyradiomics is not installed")

    def measure(label, params=None):
        paths = tmp_path / "image.nrrd", tmp_path / "mask.nrrd"
        for path, array in zip(paths, (oblique_volume.array_kji, label_map.array_kji), strict=True):
            image = SimpleITK.GetImageFromArray(array)
            image.SetSpacing(oblique_volume.grid.spacing_mm)
            image.SetOrigin(oblique_volume.grid.origin_mm)
            image.SetDirection(oblique_volume.grid.direction.ravel().tolist())
            SimpleITK.WriteImage(image, path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from radiomics.featureextractor import RadiomicsFeatureExtractor

            return RadiomicsFeatureExtractor(*params or ()).execute(str(paths[0]), str(paths[1]), label=label)

    return measure


@pytest.fixture
def without_pyradiomics(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)


def features(row):
    return {name: value for name, value in row.items() if name.startswith("original_")}


@pytest.mark.parametrize(("label", "segment"), [(1, "Box"), (2, "Spheres")])
def test_values_equal_those_of_pyradiomics(by_hand, oblique_volume, label_map, label, segment):
    table = radiomics(oblique_volume, segment_masks(label_map))
    (row,) = (row for row in table.rows if row["Segment"] == segment)
    expected = features(by_hand(label))
    assert len(expected) > 100
    assert features(row) == pytest.approx({name: float(value) for name, value in expected.items()}, rel=1e-6)


def test_a_parameter_file_selects_the_features(by_hand, oblique_volume, label_map, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS)
    table = radiomics(oblique_volume, segment_masks(label_map), params=read_radiomics_params(path))
    names = {name for name in table.columns if not name.startswith("diagnostics") and "_" in name}
    assert {name.split("_")[0] for name in names} == {"original", "log-sigma-2-0-mm-3D"}
    assert sum("shape" in name for name in names) == 2
    assert "binWidth" in str(table.rows[0]["diagnostics_Configuration_Settings"])


def test_different_segments_never_give_identical_rows(by_hand, oblique_volume, label_map):
    rows = radiomics(oblique_volume, segment_masks(label_map, per_component=True)).rows
    measured = [tuple(features(row).values()) for row in rows if "Note" not in row]
    assert len(measured) == len(set(measured)) == 4


def test_a_single_voxel_has_a_note_instead_of_features(by_hand, oblique_volume, label_map):
    (row,) = (row for row in radiomics(oblique_volume, segment_masks(label_map)).rows if row["Segment"] == "Point")
    assert "only contains 1 segmented voxel" in row["Note"]
    assert features(row) == {}


def test_several_components_of_a_segment_get_separate_rows(label_map):
    masks = segment_masks(label_map, per_component=True)
    assert list(masks) == ["Box", "Spheres", "Spheres, component 1", "Spheres, component 2", "Point"]
    first, second = masks["Spheres, component 1"], masks["Spheres, component 2"]
    assert first.sum() > second.sum() > 0
    np.testing.assert_array_equal(first | second, masks["Spheres"])


def test_an_empty_label_map_has_no_segments(oblique_grid):
    assert segment_masks(LabelMap(np.zeros(oblique_grid.shape_kji, np.uint8), oblique_grid)) == {}


def test_without_pyradiomics_simpleitk_columns_are_used(without_pyradiomics, oblique_volume, label_map):
    table = radiomics(oblique_volume, segment_masks(label_map))
    assert table.source.startswith("SimpleITK ")
    measured = [name for name in table.columns if name not in ("Image", "Mask", "Segment")]
    assert all(name.startswith("sitk_") for name in measured)
    box = table.rows[0]
    inside = oblique_volume.array_kji[label_map.array_kji == 1]
    assert box["sitk_shape_PhysicalSize"] == pytest.approx(inside.size * oblique_volume.grid.voxel_volume_mm3)
    assert box["sitk_intensity_Mean"] == pytest.approx(inside.mean(dtype=float))
    assert box["sitk_intensity_StandardDeviation"] == pytest.approx(inside.std(dtype=float, ddof=1))


def test_without_pyradiomics_a_parameter_file_is_refused(without_pyradiomics, tmp_path):
    with pytest.raises(SettingsError, match=r"params\.yaml: parameter files need pyradiomics"):
        read_radiomics_params(tmp_path / "params.yaml")


def test_a_mask_of_another_shape_is_refused(oblique_volume):
    with pytest.raises(GridError, match="segment A has shape"):
        radiomics(oblique_volume, {"A": np.ones((2, 2, 2), bool)})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("featureClass: {texture: }", "Feature Class texture is not recognized"),
        ("featureClass: {firstorder: [Magic]}", "unrecognized features: {'Magic'}"),
        ("imageType: {Sharp: {}}", "Image Type Sharp is not recognized"),
        ("setting: {binWidth: -3}", "/setting/binWidth"),
        ("setting: {binwidth: 3}", "Key 'binwidth' was not defined"),
        ("[1, 2]", "expected the parts"),
        ("a: [", "is not a YAML file"),
        ("!!python/object/apply:os.getcwd []", "is not a YAML file"),
    ],
)
def test_parameters_that_pyradiomics_does_not_know_are_refused(tmp_path, text, complaint):
    pytest.importorskip("radiomics", reason="pyradiomics is not installed")
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_radiomics_params(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert complaint in str(caught.value)


def test_a_missing_parameter_file_is_named(tmp_path):
    pytest.importorskip("radiomics", reason="pyradiomics is not installed")
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read"):
        read_radiomics_params(tmp_path / "none.yaml")


def test_the_table_is_written_with_every_column(oblique_volume, label_map, tmp_path):
    path = tmp_path / "features.csv"
    table = radiomics(oblique_volume, segment_masks(label_map), mask_name="labels.nrrd")
    table.write_csv(path)
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["Segment"] for row in rows] == ["Box", "Spheres", "Point"]
    assert {row["Mask"] for row in rows} == {"labels.nrrd"}
    numbers = [name for name, value in table.rows[0].items() if isinstance(value, float)]
    assert all(math.isclose(float(rows[0][name]), table.rows[0][name]) for name in numbers)
    assert list(tmp_path.iterdir()) == [path]


def test_segments_with_the_same_name_each_get_a_row(oblique_grid):
    array = np.zeros(oblique_grid.shape_kji, np.uint8)
    array[1:3, 2:4, 2:4], array[1:3, 8:9, 8:9], array[5:8, 2:8, 2:8] = 1, 1, 2
    masks = segment_masks(LabelMap(array, oblique_grid, ("Tumour", "Tumour")), per_component=True)
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {
        "Tumour": 10,
        "Tumour, component 1": 8,
        "Tumour, component 2": 2,
        "Tumour (2)": 108,
    }


def test_a_segment_named_like_a_component_keeps_its_row(oblique_grid):
    array = np.zeros(oblique_grid.shape_kji, np.uint8)
    array[0, 0, 0], array[0, 5, 5], array[5:8, 2:8, 2:8] = 1, 1, 2
    masks = segment_masks(LabelMap(array, oblique_grid, ("Tumour", "Tumour, component 1")), per_component=True)
    assert masks["Tumour, component 1"].sum() == 108
    assert len(masks) == 4


def wide(volume, label_map):
    """The volume with 4.5 million in the first segment, as a PET in Bq/ml."""
    array = volume.array_kji.copy()
    array[label_map.array_kji == 1] *= 30000
    return Volume(array, volume.grid)


def test_too_many_grey_levels_skip_texture_with_a_warning(by_hand, oblique_volume, label_map, caplog):
    volume = wide(oblique_volume, label_map)
    box, spheres, _point = radiomics(volume, segment_masks(label_map)).rows
    inside = volume.array_kji[label_map.array_kji == 1]
    levels = int((float(inside.max()) - float(inside.min())) // 25) + 1
    assert f"binWidth 25 gives {levels} grey levels, the limit is 1000" in box["Note"]
    assert caplog.messages == [f"Box: {box['Note']}"]
    assert box["original_firstorder_Maximum"] == pytest.approx(inside.max())
    assert "original_shape_MeshVolume" in box
    assert not any("glcm" in name for name in box)
    assert "Note" not in spheres
    assert "original_glcm_Contrast" in spheres


def test_a_bin_count_or_normalisation_enables_texture(by_hand, oblique_volume, label_map):
    volume = wide(oblique_volume, label_map)
    for setting in ({"binCount": 32}, {"binWidth": 1e5}, {"normalize": True, "normalizeScale": 100}):
        row = radiomics(volume, segment_masks(label_map), params=RadiomicsParams(setting=setting)).rows[0]
        assert "Note" not in row
        assert "original_glcm_Contrast" in row


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("oh"), KeyError("ah")])
def test_an_error_in_one_row_does_not_affect_the_others(by_hand, oblique_volume, label_map, monkeypatch, error):
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    execute = RadiomicsFeatureExtractor.execute
    calls = []

    def fail_once(self, *arguments, **options):
        calls.append(1)
        if len(calls) == 1:
            raise error
        return execute(self, *arguments, **options)

    monkeypatch.setattr(RadiomicsFeatureExtractor, "execute", fail_once)
    box, spheres, _point = radiomics(oblique_volume, segment_masks(label_map)).rows
    assert "not measured" in box["Note"]
    assert "original_glcm_Contrast" in spheres
