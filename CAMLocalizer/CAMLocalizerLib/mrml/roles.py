"""Which nodes of a scene show a review, and which are the user's own."""

from __future__ import annotations

from typing import Any

ROLE = "CAMLocalizer.Role"


def is_own_node(node: Any) -> bool:
    """Return whether a node was made to show a review."""
    return bool(node.GetAttribute(ROLE))


def first_scan(scene: Any) -> Any:
    """Return the first scalar volume that is neither a label map nor an activation map; None without one."""
    for index in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(index)
        if node.GetClassName() == "vtkMRMLScalarVolumeNode" and not is_own_node(node):
            return node
    return None
