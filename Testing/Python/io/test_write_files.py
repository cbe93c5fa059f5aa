"""Written files are read by other libraries on the same grid."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

from CAMLocalizerLib.core import Grid, GridError, LabelMap, OutputError, SettingsError, Volume
from CAMLocalizerLib.io import read_volume, terminology_entry, write_label_map, write_nifti, write_segmentation


@pytest.fixture
def label_map(oblique_grid: Grid) -> LabelMap:
    array = np.zeros(oblique_grid.shape_kji, np.uint8)
    array[2:5, 3:9, 4:6] = 1
    return LabelMap(array, oblique_grid, ("Tumour", "Rest = \\ of it"))


@pytest.mark.parametrize("flip", [(1, 1, 1), (-1, 1, 1), (1, -1, -1), (-1, -1, 1)])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_nifti_keeps_values_and_grid_by_either_matrix(
    flip: tuple[int, int, int], ending: str, tmp_path: Path, oblique_volume: Volume
) -> None:
    old = oblique_volume.grid
    grid = Grid(old.size, old.spacing_mm, old.origin_mm, old.direction * flip)
    write_nifti(oblique_volume.array_kji, grid, tmp_path / f"a{ending}")
    volume, header = read_volume(tmp_path / f"a{ending}"), nibabel.load(tmp_path / f"a{ending}").header
    assert volume.grid.matches(grid)
    np.testing.assert_array_equal(volume.array_kji, oblique_volume.array_kji)
    np.testing.assert_allclose(header.get_qform(), header.get_sform(), atol=1e-4)
    np.testing.assert_allclose(header.get_sform() * [[-1], [-1], [1], [1]], grid.ijk_to_lps, atol=1e-4)
    assert header["xyzt_units"] == 2


def test_label_maps_are_uint8_and_activations_float32(tmp_path: Path, label_map: LabelMap) -> None:
    write_label_map(label_map, tmp_path / "l.nii.gz")
    write_nifti(label_map.array_kji.astype(np.float64), label_map.grid, tmp_path / "f.nii.gz")
    assert nibabel.load(tmp_path / "l.nii.gz").get_data_dtype() == np.uint8
    assert nibabel.load(tmp_path / "f.nii.gz").get_data_dtype() == np.float32


def test_equal_results_make_equal_files(tmp_path: Path, label_map: LabelMap) -> None:
    for name in ("a", "b"):
        write_label_map(label_map, tmp_path / f"{name}.nii.gz")
        write_segmentation(label_map, tmp_path / f"{name}.seg.nrrd")
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    assert (tmp_path / "a.seg.nrrd").read_bytes() == (tmp_path / "b.seg.nrrd").read_bytes()


def test_a_segmentation_is_an_nrrd_label_map_with_slicers_keys(tmp_path: Path, label_map: LabelMap) -> None:
    write_segmentation(label_map, tmp_path / "s.seg.nrrd", terminology=["Neoplasm, Primary", "Mass"])
    image = SimpleITK.ReadImage(str(tmp_path / "s.seg.nrrd"))
    assert read_volume(tmp_path / "s.seg.nrrd").grid.matches(label_map.grid)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), label_map.array_kji)
    assert image.GetMetaData("Segment0_Name") == "Tumour"
    assert image.GetMetaData("Segment0_Extent") == "4 5 3 8 2 4"
    assert image.GetMetaData("Segment1_Extent") == "0 -1 0 -1 0 -1"
    assert image.GetMetaData("Segment1_LabelValue") == "2"
    assert image.GetMetaData("Segment1_Name") == "Rest = \\ of it"
    assert "~SCT^86049000^Neoplasm, Primary~" in image.GetMetaData("Segment0_Tags")
    assert f"TerminologyEntry:{terminology_entry()}|" in image.GetMetaData("Segment1_Tags")


def test_slicer_reads_name_colour_terminology_and_place(tmp_path: Path, label_map: LabelMap) -> None:
    slicer = pytest.importorskip("slicer")
    vtkmodules = pytest.importorskip("vtkmodules.vtkCommonMath")
    write_segmentation(label_map, tmp_path / "s.seg.nrrd", colours=[(0.25, 0.5, 0.75)], terminology="Neoplasm")
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(tmp_path / "s.seg.nrrd"))
    assert storage.ReadData(node)
    segmentation = node.GetSegmentation()
    assert segmentation.GetNumberOfSegments() == 2
    segment = segmentation.GetSegment("Segment_1")
    assert (segment.GetName(), segment.GetColor()) == ("Tumour", (0.25, 0.5, 0.75))
    assert segment.GetTerminology() == terminology_entry("Neoplasm")
    labels = segment.GetRepresentation("Binary labelmap")
    assert labels.GetExtent() == (4, 5, 3, 8, 2, 4)
    matrix = vtkmodules.vtkMatrix4x4()
    labels.GetImageToWorldMatrix(matrix)
    ijk_to_ras = [[matrix.GetElement(row, column) for column in range(4)] for row in range(4)]
    np.testing.assert_allclose(np.diag([-1, -1, 1, 1]) @ ijk_to_ras, label_map.grid.ijk_to_lps, atol=1e-9)


def test_an_unknown_tumour_type_is_refused(tmp_path: Path, label_map: LabelMap) -> None:
    with pytest.raises(SettingsError, match="tumour type 'Bump' is unknown; choose one of Mass"):
        write_segmentation(label_map, tmp_path / "s.seg.nrrd", terminology="Bump")
    with pytest.raises(SettingsError, match="3 tumour types given for 2 segments"):
        write_segmentation(label_map, tmp_path / "s.seg.nrrd", terminology=["Mass"] * 3)


def test_wrong_shapes_and_extensions_are_refused(tmp_path: Path, label_map: LabelMap) -> None:
    with pytest.raises(GridError, match="its grid expects"):
        write_nifti(np.zeros((2, 2, 2)), label_map.grid, tmp_path / "a.nii")
    with pytest.raises(OutputError, match=r"must be named .nii"):
        write_label_map(label_map, tmp_path / "a.nrrd")
    with pytest.raises(OutputError, match=r"must be named .seg.nrrd"):
        write_segmentation(label_map, tmp_path / "a.nrrd")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.seg.nrrd"])
def test_a_full_disk_is_reported(name: str, tmp_path: Path, label_map: LabelMap) -> None:
    (tmp_path / name).symlink_to("/dev/full")
    with pytest.raises(OutputError, match=f"{name}: the disk is full"):
        (write_segmentation if name.endswith(".nrrd") else write_label_map)(label_map, tmp_path / name)


def test_a_missing_folder_is_reported(tmp_path: Path, label_map: LabelMap) -> None:
    with pytest.raises(OutputError, match=r"a.nii: its folder does not exist"):
        write_label_map(label_map, tmp_path / "none" / "a.nii")
