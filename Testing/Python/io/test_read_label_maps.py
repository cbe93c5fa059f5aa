"""Label maps and segmentations read back."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_series import write_series

from CAMLocalizerLib.core import InputError, LabelMap
from CAMLocalizerLib.io import (
    read_dicom_source,
    read_label_map,
    write_dicom_seg,
    write_label_map,
    write_nifti,
    write_segmentation,
)


@pytest.fixture
def label_map(oblique_grid):
    labels = np.random.default_rng(4).integers(0, 3, oblique_grid.shape_kji).astype(np.uint8)
    return LabelMap(labels, oblique_grid, ("Rim", "Core"))


def test_a_segmentation_keeps_voxels_grid_and_names(label_map, tmp_path):
    write_segmentation(label_map, tmp_path / "tumour.seg.nrrd")
    found = read_label_map(tmp_path / "tumour.seg.nrrd")
    np.testing.assert_array_equal(found.array_kji, label_map.array_kji)
    assert found.grid.matches(label_map.grid)
    assert found.segments == ("Rim", "Core")


def test_a_plain_label_map_numbers_its_segments(label_map, tmp_path):
    write_label_map(label_map, tmp_path / "labels.nii.gz")
    found = read_label_map(tmp_path / "labels.nii.gz")
    np.testing.assert_array_equal(found.array_kji, label_map.array_kji)
    assert found.segments == ("Label 1", "Label 2")


def test_an_empty_label_map_has_one_empty_segment(label_map, tmp_path):
    empty = LabelMap(np.zeros_like(label_map.array_kji), label_map.grid)
    write_segmentation(empty, tmp_path / "empty.seg.nrrd")
    found = read_label_map(tmp_path / "empty.seg.nrrd")
    assert found.segments == ("Tumour",)
    assert not found.array_kji.any()


def test_an_image_is_not_read_as_a_label_map(oblique_volume, tmp_path):
    write_nifti(oblique_volume.array_kji, oblique_volume.grid, tmp_path / "image.nii.gz")
    with pytest.raises(InputError, match=r"image\.nii\.gz: has values from .* give the label map, not the image"):
        read_label_map(tmp_path / "image.nii.gz")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.nrrd: does not exist"):
        read_label_map(tmp_path / "none.nrrd")


def test_a_dicom_segmentation_is_read_too(label_map, tmp_path):
    def patch(header, _k):
        header.FrameOfReferenceUID = "1.2.3.9"
        header.StudyDate, header.StudyTime, header.StudyID = "20240105", "101500", "1"
        header.AccessionNumber = header.ReferringPhysicianName = header.PatientBirthDate = header.PatientSex = ""

    write_series(tmp_path / "series", np.ones(label_map.grid.shape_kji, np.uint16), label_map.grid, patch=patch)
    source = read_dicom_source(tmp_path / "series")
    write_dicom_seg(label_map, source, tmp_path / "seg.dcm", algorithm_name="tiny", algorithm_version="1")
    found = read_label_map(tmp_path / "seg.dcm")
    np.testing.assert_array_equal(found.array_kji, label_map.array_kji)
    assert found.segments == ("Rim", "Core")


def layered(path, layers, segments):
    """Write a segmentation as 3D Slicer does for overlapping segments: one channel per layer."""
    size = layers.shape[:0:-1]
    lines = ["NRRD0004", "type: unsigned char", "dimension: 4", "space: left-posterior-superior"]
    lines += [f"sizes: {len(layers)} {size[0]} {size[1]} {size[2]}", "kinds: list domain domain domain"]
    lines += ["space directions: none (1,0,0) (0,1,0) (0,0,2)", "encoding: raw", "space origin: (0,0,0)"]
    for index, (name, layer, value) in enumerate(segments):
        lines += [f"Segment{index}_Name:={name}", f"Segment{index}_Layer:={layer}"]
        lines += [f"Segment{index}_LabelValue:={value}"]
    path.write_bytes(("\n".join(lines) + "\n\n").encode() + np.moveaxis(layers, 0, -1).tobytes())
    return path


def test_layers_without_overlap_become_one_label_map(tmp_path):
    layers = np.zeros((2, 3, 4, 5), np.uint8)
    layers[0, 0], layers[1, 2] = 1, 1
    found = read_label_map(layered(tmp_path / "two.seg.nrrd", layers, [("Rim", 0, 1), ("", 1, 1)]))
    assert found.segments == ("Rim", "Label 2")
    assert [np.unique(plane).tolist() for plane in found.array_kji] == [[1], [0], [2]]
    assert found.grid.size == (5, 4, 3)
    assert found.grid.spacing_mm == (1.0, 1.0, 2.0)


def test_overlapping_segments_are_named(tmp_path):
    path = layered(tmp_path / "two.seg.nrrd", np.ones((2, 3, 4, 5), np.uint8), [("Rim", 0, 1), ("Core", 1, 1)])
    with pytest.raises(InputError, match=r"two\.seg\.nrrd: segments 'Rim' and 'Core' overlap"):
        read_label_map(path)


@pytest.mark.parametrize("value", ["two", "900", "0", "-1"])
def test_an_invalid_label_value_is_refused(tmp_path, value):
    path = layered(tmp_path / "bad.seg.nrrd", np.ones((1, 3, 4, 5), np.uint8), [("Rim", 0, value)])
    with pytest.raises(InputError, match=rf"bad\.seg\.nrrd: segment 0 has label value '{value}'"):
        read_label_map(path)
