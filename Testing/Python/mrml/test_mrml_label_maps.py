"""Label maps to and from label map volume nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, InputError, LabelMap, SettingsError, Volume
from CAMLocalizerLib.mrml import label_map_from_node, label_map_to_node, volume_to_node


def test_a_label_map_comes_back_with_its_names(scene: Any, label_map: LabelMap) -> None:
    back = label_map_from_node(label_map_to_node(scene, label_map))
    np.testing.assert_array_equal(back.array_kji, label_map.array_kji)
    assert back.grid.matches(label_map.grid, tolerance_mm=1e-9)
    assert back.segments == ("Tumour", "Necrosis")


def test_names_of_empty_labels_come_back(scene: Any, oblique_grid: Grid) -> None:
    empty = LabelMap(np.zeros(oblique_grid.shape_kji, np.uint8), oblique_grid)
    assert label_map_from_node(label_map_to_node(scene, empty)).segments == ("Tumour",)


def test_the_background_is_transparent(scene: Any, label_map: LabelMap) -> None:
    colour = [0.0] * 4
    node = label_map_to_node(scene, label_map, colours=[(1, 0, 0), (0, 0, 1)])
    node.GetDisplayNode().GetColorNode().GetColor(0, colour)
    assert colour[3] == 0
    node.GetDisplayNode().GetColorNode().GetColor(2, colour)
    assert colour == pytest.approx([0, 0, 1, 1])


def test_labels_without_a_table_are_numbered(scene: Any, label_map: LabelMap) -> None:
    node = volume_to_node(scene, Volume(label_map.array_kji, label_map.grid))
    assert label_map_from_node(node).segments == ("Label 1", "Label 2")


@pytest.mark.parametrize(("value", "message"), [(0.5, "fractional"), (-1.0, "from -1 to 1"), (300.0, "from 0 to 300")])
def test_values_that_are_no_labels_are_refused(scene: Any, oblique_grid: Grid, value: float, message: str) -> None:
    array = np.zeros(oblique_grid.shape_kji, np.float32)
    array[0, 0, :2] = (1.0, value)
    with pytest.raises(InputError, match=message):
        label_map_from_node(volume_to_node(scene, Volume(array, oblique_grid)))


def test_a_colour_out_of_range_is_refused(scene: Any, label_map: LabelMap) -> None:
    with pytest.raises(SettingsError, match="red, green and blue from 0 to 1"):
        label_map_to_node(scene, label_map, colours=[(255, 0, 0)])
