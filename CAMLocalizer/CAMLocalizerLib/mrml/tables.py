"""Tables into the scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vtkmodules.vtkCommonCore import vtkDoubleArray, vtkStringArray


def table_to_node(scene: Any, rows: Sequence[Mapping[str, Any]], *, name: str = "Radiomics", node: Any = None) -> Any:
    """Put rows into the scene as a table.

    Args:
        scene: the ``vtkMRMLScene``.
        rows: column name to value; a column whose every value is a number becomes one of numbers, others hold text.
        name: of a new node.
        node: a table node to fill instead of a new one; what it holds is replaced.

    Returns:
        The ``vtkMRMLTableNode``, columns in the order of their first appearance.
    """
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.RemoveAllColumns()
    for column in dict.fromkeys(key for row in rows for key in row):
        values = [row.get(column) for row in rows]
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        array: Any = vtkDoubleArray() if numbers else vtkStringArray()
        array.SetName(column)
        for value in values:
            array.InsertNextValue(value if numbers else "" if value is None else str(value))
        node.AddColumn(array)
    return node
