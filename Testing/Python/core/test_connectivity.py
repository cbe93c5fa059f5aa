"""Which voxels belong to one component."""

import numpy as np
import pytest

from CAMLocalizerLib.core import label_components


@pytest.mark.parametrize(
    ("offset", "all_neighbours", "faces"), [((0, 0, 1), 1, 1), ((0, 1, 1), 1, 2), ((1, 1, 1), 1, 2)]
)
def test_voxels_that_share_an_edge_or_a_corner_are_connected_unless_only_faces_count(offset, all_neighbours, faces):
    mask = np.zeros((4, 4, 4), bool)
    mask[1, 1, 1] = True
    mask[tuple(1 + step for step in offset)] = True
    assert label_components(mask)[1] == all_neighbours
    assert label_components(mask, faces_only=True)[1] == faces


def test_components_are_numbered_in_storage_order_in_two_dimensions_too():
    labels, count = label_components(np.array([[0, 0, 5], [0, 0, 0], [7, 0, 0]]))
    np.testing.assert_array_equal(labels, [[0, 0, 1], [0, 0, 0], [2, 0, 0]])
    assert count == 2
