"""What another scan or another run leaves behind in the page's scene, taken out of it."""

from __future__ import annotations

from typing import Any

from ..mrml import ROLE
from ..mrml.removal import remove_node
from ..workbench import Workbench

KINDS = ("vtkMRMLSegmentationNode", "vtkMRMLScalarVolumeNode")


def clear_leftovers(workbench: Workbench) -> None:
    """Remove maps, previews and accepted segments of former reviews; the page could not show whose they are.

    Args:
        workbench: whose present review keeps its nodes.
    """
    review = workbench.review
    if review is None or not review.accepted:
        workbench.choose_output(None)
    kept = (workbench.volume_node, workbench.activation_node, workbench.preview_node, workbench.output_node)
    for node in _shown_nodes(workbench.scene):
        if not any(node is other for other in kept):
            remove_node(workbench.scene, node)


def _shown_nodes(scene: Any) -> list[Any]:
    """Return all segmentations, and the volumes that show a review."""
    nodes = [scene.GetNthNodeByClass(index, kind) for kind in KINDS for index in range(_count(scene, kind))]
    return [node for node in nodes if node.IsA(KINDS[0]) or node.GetAttribute(ROLE)]


def _count(scene: Any, kind: str) -> int:
    return int(scene.GetNumberOfNodesByClass(kind))
