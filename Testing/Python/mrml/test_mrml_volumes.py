"""Volumes to and from scalar volume nodes."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import SimpleITK
import slicer
from numpy.typing import ArrayLike, NDArray
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from CAMLocalizerLib.core import Grid, GridError, InputError, NiftiMatrices, Volume
from CAMLocalizerLib.mrml import grid_from_node, load_volume_node, volume_from_node, volume_to_node
from CAMLocalizerLib.mrml.geometry import matrix_to_vtk

TO_RAS = np.array([-1.0, -1.0, 1.0])


def corners(grid: Grid) -> NDArray[np.int64]:
    return np.array(list(itertools.product(*[(0, size - 1) for size in grid.size])))


def ras_by_slicer(node: Any, ijk: ArrayLike) -> NDArray[np.float64]:
    """The world position of voxels as Slicer itself multiplies it out."""
    matrix = vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    local = [matrix.MultiplyPoint((*map(float, index), 1.0))[:3] for index in np.asarray(ijk)]
    world = []
    for point in local:
        moved = [0.0, 0.0, 0.0]
        node.TransformPointToWorld(point, moved)
        world.append(moved)
    return np.array(world)


def put_under(scene: Any, node: Any, matrix: ArrayLike) -> Any:
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    transform.SetMatrixTransformToParent(matrix_to_vtk(matrix))
    node.SetAndObserveTransformNodeID(transform.GetID())
    return transform


def write_nrrd(volume: Volume, path: Any) -> None:
    image = SimpleITK.GetImageFromArray(volume.array_kji)
    image.SetSpacing(volume.grid.spacing_mm)
    image.SetOrigin(volume.grid.origin_mm)
    image.SetDirection(volume.grid.direction.ravel().tolist())
    SimpleITK.WriteImage(image, str(path))


@pytest.fixture
def quarter_turn() -> NDArray[np.float64]:
    """A turn about the superior axis with a shift, in RAS."""
    return np.array([[0, -1, 0, 11.0], [1, 0, 0, -7.0], [0, 0, 1, 3.0], [0, 0, 0, 1]])


def test_a_volume_comes_back_as_it_was(scene: Any, oblique_volume: Volume) -> None:
    back = volume_from_node(volume_to_node(scene, oblique_volume))
    np.testing.assert_array_equal(back.array_kji, oblique_volume.array_kji)
    assert back.grid.matches(oblique_volume.grid, tolerance_mm=1e-9)
    assert back.name == "oblique"


def test_corners_lie_where_slicer_puts_them(scene: Any, oblique_volume: Volume) -> None:
    ijk = corners(oblique_volume.grid)
    node = volume_to_node(scene, oblique_volume)
    np.testing.assert_allclose(ras_by_slicer(node, ijk), oblique_volume.grid.to_lps(ijk) * TO_RAS, atol=1e-9)


def test_a_left_handed_volume_keeps_its_handedness(scene: Any, oblique_volume: Volume) -> None:
    grid = oblique_volume.grid
    mirrored = Grid(grid.size, grid.spacing_mm, grid.origin_mm, grid.direction * [1, 1, -1])
    node = volume_to_node(scene, Volume(oblique_volume.array_kji, mirrored))
    assert np.linalg.det(volume_from_node(node).grid.direction) == pytest.approx(-1.0)


def test_a_file_read_by_slicer_equals_our_node(scene: Any, oblique_volume: Volume, tmp_path: Any) -> None:
    path = tmp_path / "case.nrrd"
    write_nrrd(oblique_volume, path)
    theirs = volume_from_node(load_volume_node(scene, path))
    ours = volume_from_node(volume_to_node(scene, oblique_volume))
    np.testing.assert_array_equal(theirs.array_kji, ours.array_kji)
    assert theirs.grid.matches(ours.grid, tolerance_mm=1e-4)
    assert theirs.name == "case"


def test_a_linear_parent_transform_goes_into_the_grid(
    scene: Any, oblique_volume: Volume, quarter_turn: NDArray[np.float64]
) -> None:
    ijk = corners(oblique_volume.grid)
    node = volume_to_node(scene, oblique_volume)
    put_under(scene, node, quarter_turn)
    grid = volume_from_node(node).grid
    np.testing.assert_allclose(grid.to_lps(ijk) * TO_RAS, ras_by_slicer(node, ijk), atol=1e-9)
    assert not grid.matches(oblique_volume.grid)


def test_nested_parents_give_what_hardening_gives(
    scene: Any, oblique_volume: Volume, quarter_turn: NDArray[np.float64]
) -> None:
    node = volume_to_node(scene, oblique_volume)
    inner = put_under(scene, node, np.diag([1.0, 1.0, -1.0, 1.0]))
    put_under(scene, inner, quarter_turn)
    before = grid_from_node(node)
    node.HardenTransform()
    assert before.matches(grid_from_node(node), tolerance_mm=1e-9)


def test_scaling_along_the_axes_changes_the_spacing(scene: Any) -> None:
    grid = Grid((3, 4, 5), (1.0, 2.0, 3.0), (0.0, 0.0, 0.0), np.eye(3))
    node = volume_to_node(scene, Volume(np.arange(60).reshape(5, 4, 3), grid))
    put_under(scene, node, np.diag([2.0, 3.0, 0.5, 1.0]))
    assert volume_from_node(node).grid.spacing_mm == pytest.approx((2.0, 6.0, 1.5))


def test_a_shearing_parent_is_refused_by_name(scene: Any, oblique_volume: Volume) -> None:
    node = volume_to_node(scene, oblique_volume)
    put_under(scene, node, [[1, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    with pytest.raises(GridError, match=r"oblique: direction must have orthogonal unit columns"):
        volume_from_node(node)


def test_a_flattening_parent_is_refused(scene: Any, oblique_volume: Volume) -> None:
    grid = Grid((20, 24, 9), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3))
    node = volume_to_node(scene, Volume(oblique_volume.array_kji, grid, name="flat"))
    put_under(scene, node, np.diag([1.0, 1.0, 0.0, 1.0]))
    with pytest.raises(GridError, match=r"flat: spacing must be positive"):
        volume_from_node(node)


def test_a_perspective_parent_is_refused(scene: Any, oblique_volume: Volume) -> None:
    node = volume_to_node(scene, oblique_volume)
    put_under(scene, node, [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0.01, 1]])
    with pytest.raises(GridError, match="perspective"):
        volume_from_node(node)


def test_a_bending_parent_is_refused_with_both_names(scene: Any, oblique_volume: Volume) -> None:
    node = volume_to_node(scene, oblique_volume)
    bend = scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "bend")
    transform = slicer.vtkOrientedBSplineTransform()
    bend.SetAndObserveTransformToParent(transform)
    node.SetAndObserveTransformNodeID(bend.GetID())
    with pytest.raises(GridError, match=r"oblique lies under the transform bend, which is not linear"):
        volume_from_node(node)


def test_an_image_that_does_not_start_at_zero_keeps_its_place(scene: Any, oblique_volume: Volume) -> None:
    node = volume_to_node(scene, oblique_volume)
    width, height, depth = oblique_volume.grid.size
    node.GetImageData().SetExtent(2, width + 1, -3, height - 4, 5, depth + 4)
    expected = oblique_volume.grid.to_lps((2, -3, 5))
    np.testing.assert_allclose(grid_from_node(node).origin_mm, expected, atol=1e-9)


def test_later_edits_in_the_scene_do_not_reach_the_volume(scene: Any, oblique_volume: Volume) -> None:
    node = volume_to_node(scene, oblique_volume)
    volume = volume_from_node(node)
    node.GetImageData().GetPointData().GetScalars().Fill(-1.0)
    np.testing.assert_array_equal(volume.array_kji, oblique_volume.array_kji)


def test_the_scene_does_not_reach_into_the_volume(scene: Any, oblique_volume: Volume) -> None:
    before = oblique_volume.array_kji.copy()
    volume_to_node(scene, oblique_volume).GetImageData().GetPointData().GetScalars().Fill(-1.0)
    np.testing.assert_array_equal(oblique_volume.array_kji, before)


@pytest.mark.parametrize("unit", ["HU", "SUVbw", ""])
def test_the_unit_comes_back(scene: Any, oblique_volume: Volume, unit: str) -> None:
    volume = Volume(oblique_volume.array_kji, oblique_volume.grid, unit=unit)
    assert volume_from_node(volume_to_node(scene, volume)).unit == unit


def test_a_given_node_is_filled_and_its_parent_taken_off(
    scene: Any, oblique_volume: Volume, quarter_turn: NDArray[np.float64]
) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "mine")
    put_under(scene, node, quarter_turn)
    assert volume_to_node(scene, oblique_volume, node=node) is node
    assert volume_from_node(node).grid.matches(oblique_volume.grid)


def test_an_empty_node_is_refused(scene: Any) -> None:
    with pytest.raises(InputError, match="nothing holds no voxels"):
        volume_from_node(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing"))


def test_a_colour_volume_is_refused(scene: Any) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "photo")
    slicer.util.updateVolumeFromArray(node, np.zeros((2, 3, 4, 3), np.uint8))
    with pytest.raises(InputError, match="photo has 3 values per voxel, expected 1"):
        volume_from_node(node)


def test_what_the_file_said_comes_back_unless_the_node_was_moved(scene: Any, oblique_volume: Volume) -> None:
    matrices = NiftiMatrices(1, 2, -1.0, (0.1, 0.2, 0.3), (1.0, 2.0, 3.0), tuple(map(float, range(12))))
    given = replace(oblique_volume, notes=("a note",), matrices=matrices, inverted=True)
    node = volume_to_node(scene, given)
    back = volume_from_node(node)
    assert (back.notes, back.matrices, back.inverted) == (given.notes, matrices, True)
    x, y, z = node.GetOrigin()
    node.SetOrigin(x + 5, y, z)
    moved = volume_from_node(node)
    assert (moved.notes, moved.matrices, moved.inverted) == (given.notes, None, True)


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"matrices": {"a": 1}}', '{"notes": 3}'])
def test_facts_of_somebody_else_are_passed_over(scene: Any, oblique_volume: Volume, text: str) -> None:
    node = volume_to_node(scene, oblique_volume)
    node.SetAttribute("CAMLocalizer.Source", text)
    back = volume_from_node(node)
    assert (back.notes, back.matrices, back.inverted) == ((), None, False)
