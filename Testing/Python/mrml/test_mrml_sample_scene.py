"""The sample volume through the scene and a scene bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, LabelMap, Volume
from CAMLocalizerLib.io import read_volume
from CAMLocalizerLib.mrml import (
    HeadlessApplication,
    activation_to_node,
    load_scene,
    load_volume_node,
    save_scene,
    segmentation_from_node,
    segmentation_to_node,
    volume_from_node,
    volume_to_node,
)


@pytest.fixture
def volume(sample_image: Path) -> Volume:
    """The sample with its slices in Slicer's order: the file is left-handed, and Slicer reads it right-handed."""
    stored = read_volume(sample_image)
    grid = stored.grid
    last = grid.to_lps([0, 0, grid.size[2] - 1])
    reversed_grid = Grid(grid.size, grid.spacing_mm, tuple(last), grid.direction * [1, 1, -1])
    return Volume(stored.array_kji[::-1], reversed_grid)


def test_slicer_and_the_library_read_the_sample_alike(scene: Any, volume: Volume, sample_image: Path) -> None:
    ours, theirs = volume, volume_from_node(load_volume_node(scene, sample_image))
    np.testing.assert_array_equal(ours.array_kji, theirs.array_kji)
    assert ours.grid.matches(theirs.grid)


def test_the_samples_scene_comes_back_voxel_by_voxel(scene: Any, volume: Volume, tmp_path: Path) -> None:
    activation = volume.array_kji / volume.array_kji.max()
    label_map = LabelMap(activation >= 0.6, volume.grid)
    reference = volume_to_node(scene, volume, name="brain")
    activation_to_node(scene, activation, volume.grid, name="map")
    segmentation_to_node(scene, label_map, reference=reference, name="tumour")
    bundle = save_scene(scene, tmp_path / "sample.mrb")
    with HeadlessApplication() as other:
        load_scene(other.scene, bundle)
        brain, over = (volume_from_node(other.scene.GetFirstNodeByName(name)) for name in ("brain", "map"))
        tumour = segmentation_from_node(other.scene.GetFirstNodeByName("tumour"))
    np.testing.assert_array_equal(brain.array_kji, volume.array_kji)
    np.testing.assert_array_equal(over.array_kji, activation)
    np.testing.assert_array_equal(tumour.array_kji, label_map.array_kji)
    assert all(back.grid.matches(volume.grid) for back in (brain, over, tumour))
