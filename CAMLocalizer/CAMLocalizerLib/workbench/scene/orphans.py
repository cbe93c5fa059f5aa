"""Nodes that showed a review of a volume that is gone."""

from __future__ import annotations

from typing import Any

from ...mrml import is_own_node
from ...mrml.removal import remove_node
from .ownership import VOLUME_ROLE


def remove_orphans(scene: Any) -> int:
    """Take previews and activation maps out of the scene whose volume was removed; accepted segments stay.

    Args:
        scene: the ``vtkMRMLScene``.

    Returns:
        How many nodes were removed.
    """
    nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
    orphans = [node for node in nodes if is_own_node(node) and node.GetNodeReference(VOLUME_ROLE) is None]
    for node in orphans:
        remove_node(scene, node)
    return len(orphans)
