"""Nodes out of the scene with all that came with them."""

from __future__ import annotations

from typing import Any


def remove_node(scene: Any, node: Any) -> None:
    """Remove a node of our own with its display nodes, legends and storage nodes; other scenes' nodes stay.

    Args:
        scene: the ``vtkMRMLScene``.
        node: a ``vtkMRMLDisplayableNode``; it may have left the scene already.
    """
    if node.GetScene() is not scene:
        return
    parts = [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
    parts += [node.GetNthStorageNode(index) for index in range(node.GetNumberOfStorageNodes())]
    for part in (node, *parts):
        if part is not None:
            scene.RemoveNode(part)
