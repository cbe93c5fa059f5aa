"""Surfaces of masks against shapes worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from vtkmodules.vtkFiltersCore import vtkFeatureEdges, vtkMassProperties

from CAMLocalizerLib.core import Grid
from CAMLocalizerLib.mrml.geometry import ras_from_grid
from CAMLocalizerLib.mrml.surfaces import surface_of


@pytest.fixture
def ball() -> tuple[np.ndarray, Grid]:
    """A ball of 14 mm radius on an anisotropic grid."""
    grid = Grid((40, 40, 30), (1.0, 1.0, 1.5), (-10.0, 5.0, 20.0), np.eye(3))
    ijk = np.moveaxis(np.indices(grid.shape_kji)[::-1], 0, -1)
    return np.linalg.norm(grid.to_lps(ijk) - grid.to_lps((20, 19, 14)), axis=-1) <= 14.0, grid


def properties(surface: object) -> tuple[float, float]:
    mass = vtkMassProperties()
    mass.SetInputData(surface)
    return mass.GetVolume(), mass.GetSurfaceArea()


def test_a_ball_has_the_volume_and_area_of_a_ball(ball: tuple[np.ndarray, Grid]) -> None:
    mask, grid = ball
    volume, area = properties(surface_of(mask, ras_from_grid(grid)))
    assert volume == pytest.approx(4 / 3 * np.pi * 14**3, rel=0.04)
    assert area == pytest.approx(4 * np.pi * 14**2, rel=0.05)


def test_a_coarse_ball_lies_at_the_same_place(ball: tuple[np.ndarray, Grid]) -> None:
    mask, grid = ball
    fine = surface_of(mask, ras_from_grid(grid))
    coarse = surface_of(mask, ras_from_grid(grid), most_voxels=2000)
    assert coarse.GetNumberOfPoints() < fine.GetNumberOfPoints() / 3
    assert coarse.GetCenter() == pytest.approx(fine.GetCenter(), abs=1.5)


def test_no_small_component_is_lost_when_coarse(ball: tuple[np.ndarray, Grid]) -> None:
    _, grid = ball
    mask = np.zeros(grid.shape_kji, bool)
    mask[0, 0, 0] = mask[29, 39, 39] = True
    bounds = surface_of(mask, ras_from_grid(grid), most_voxels=500).GetBounds()
    assert bounds[1] - bounds[0] > 35


@pytest.mark.parametrize("mirror", [1, -1])
@pytest.mark.parametrize("place", [0, 10])
def test_it_is_closed_with_normals_outwards_also_at_the_border_and_mirrored(mirror: int, place: int) -> None:
    mask = np.zeros((20, 20, 20), np.uint8)
    mask[place : place + 9, place : place + 9, place : place + 9] = 1
    surface = surface_of(mask, np.diag([mirror, 1.0, 2.0, 1.0]))
    edges = vtkFeatureEdges()
    edges.SetInputData(surface)
    edges.FeatureEdgesOff()
    edges.Update()
    assert edges.GetOutput().GetNumberOfCells() == 0
    centre = np.array(surface.GetCenter())
    points = np.array([surface.GetPoint(index) for index in range(surface.GetNumberOfPoints())])
    normals = surface.GetPointData().GetNormals()
    outwards = [np.dot(normals.GetTuple3(index), point - centre) for index, point in enumerate(points)]
    assert min(outwards) > 0


def test_an_empty_mask_has_an_empty_surface() -> None:
    assert surface_of(np.zeros((3, 4, 5), np.uint8), np.eye(4)).GetNumberOfPoints() == 0
