"""Surfaces of label maps as STL."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.cases.surface import FACET, HEADER_BYTES, surface, write_stl
from CAMLocalizerLib.core import Grid, InputError, LabelMap

MIRRORED = Grid((20, 24, 9), (1.1, 0.9, 4.0), (-30.0, 12.5, 101.0), np.diag([-1.0, 1.0, 1.0]))


def enclosed_mm3(corners: np.ndarray) -> float:
    """Volume within closed triangles, positive if they are anticlockwise from outside."""
    return float(np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6)


def ball(grid: Grid) -> np.ndarray:
    k, j, i = np.indices(grid.shape_kji)
    points = grid.to_lps(np.stack([i, j, k], axis=-1))
    centre = grid.to_lps((np.array(grid.size) - 1) / 2)
    return np.linalg.norm((points - centre) / (1, 1, 1.6), axis=-1) < 8


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_surface_is_closed_looks_outwards_and_lies_where_the_mask_lies(oblique_grid, mirrored):
    grid = MIRRORED if mirrored else oblique_grid
    mask = ball(grid)
    corners = surface(mask, grid)
    assert enclosed_mm3(corners) == pytest.approx(mask.sum() * grid.voxel_volume_mm3, rel=0.05)
    centre = grid.to_lps(np.argwhere(mask)[:, ::-1]).mean(axis=0)
    np.testing.assert_allclose(corners.reshape(-1, 3).mean(axis=0), centre, atol=0.7)


def test_a_surface_at_the_border_is_closed_too(oblique_grid):
    mask = np.ones(oblique_grid.shape_kji, bool)
    whole = mask.size * oblique_grid.voxel_volume_mm3
    assert enclosed_mm3(surface(mask, oblique_grid)) == pytest.approx(whole, rel=0.05)


def test_a_single_voxel_does_not_vanish(oblique_grid):
    mask = np.zeros(oblique_grid.shape_kji, bool)
    mask[1, 2, 3] = mask[4:7, 10:16, 8:14] = True
    corners = surface(mask, oblique_grid)
    nearest = np.linalg.norm(corners.reshape(-1, 3) - oblique_grid.to_lps((3, 2, 1)), axis=1).min()
    assert nearest < 4.0


def test_the_file_is_binary_stl_in_lps(oblique_grid, tmp_path):
    write_stl(LabelMap(ball(oblique_grid).astype(np.uint8), oblique_grid), tmp_path / "s.stl", description="made here")
    content = (tmp_path / "s.stl").read_bytes()
    assert content[:HEADER_BYTES].decode().rstrip() == "SPACE=LPS made here"
    count = int(np.frombuffer(content, "<u4", 1, HEADER_BYTES)[0])
    facets = np.frombuffer(content, FACET, count, HEADER_BYTES + 4)
    assert len(content) == HEADER_BYTES + 4 + count * FACET.itemsize
    np.testing.assert_allclose(np.linalg.norm(facets["normal"], axis=1), 1, atol=1e-3)
    assert enclosed_mm3(facets["corners"].astype(float)) > 0


def test_an_empty_label_map_has_no_surface(oblique_grid, tmp_path):
    with pytest.raises(InputError, match="is empty and has no surface"):
        write_stl(LabelMap(np.zeros(oblique_grid.shape_kji, np.uint8), oblique_grid), tmp_path / "s.stl")
    assert not (tmp_path / "s.stl").exists()
