"""Tables in the scene."""

from __future__ import annotations

import pytest

ROWS = [{"Segment": "A", "volume": 1.5, "voxels": 3}, {"Segment": "B", "volume": 2.0, "voxels": 4, "Note": "one"}]


def test_numbers_and_texts_become_columns(scene):
    from CAMLocalizerLib.mrml import table_to_node

    table = table_to_node(scene, ROWS).GetTable()
    names = [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())]
    assert names == ["Segment", "volume", "voxels", "Note"]
    assert [table.GetColumnByName("volume").GetValue(row) for row in (0, 1)] == [1.5, 2.0]
    assert [table.GetColumnByName("Note").GetValue(row) for row in (0, 1)] == ["", "one"]


def test_a_node_is_filled_again(scene):
    from CAMLocalizerLib.mrml import table_to_node

    node = table_to_node(scene, ROWS)
    again = table_to_node(scene, ROWS[:1], node=node)
    assert again is node
    assert (node.GetNumberOfColumns(), node.GetNumberOfRows()) == (3, 1)


@pytest.mark.parametrize("rows", [[], [{}]])
def test_nothing_gives_an_empty_table(scene, rows):
    from CAMLocalizerLib.mrml import table_to_node

    assert table_to_node(scene, rows).GetNumberOfColumns() == 0
