"""Which nodes of a scene show a review, and which are the user's own."""

from __future__ import annotations

from typing import Any

from .activations import background_volume

ROLE = "CAMLocalizer.Role"
EXCLUDED = "SubjectHierarchy.ExcludeFromTree"  # Slicer's own: the Data module does not list the node


def is_own_node(node: Any) -> bool:
    """Return whether a node was made to show a review."""
    return bool(node.GetAttribute(ROLE))


def mark_own(node: Any, role: str) -> None:
    """Mark a node as one that shows a review; Slicer's Data module then leaves it out."""
    node.SetAttribute(ROLE, role)
    node.SetAttribute(EXCLUDED, "1")


def shown_scan(scene: Any) -> Any:
    """Return the scalar volume that the slice views show, or else the first one of the scene; None without one.

    Label maps and activation maps do not count.
    """
    shown = background_volume(scene)
    return shown if shown is not None and _is_scan(shown) else first_scan(scene)


def first_scan(scene: Any) -> Any:
    """Return the first scalar volume that is neither a label map nor an activation map; None without one."""
    for index in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(index)
        if _is_scan(node):
            return node
    return None


def _is_scan(node: Any) -> bool:
    return bool(node.GetClassName() == "vtkMRMLScalarVolumeNode") and not is_own_node(node)
