"""The views show one volume at a time: it, and what belongs to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...mrml import is_own_node, leave_slices, show_in_slices, show_legend, shows_in_slices
from .ownership import volume_of

HIDDEN = "CAMLocalizer.Hidden"
KINDS = ("vtkMRMLSegmentationNode", "vtkMRMLScalarVolumeNode")


def show_volume(scene: Any, volume_node: Any, *, alone: bool = True) -> bool:
    """Show a volume in all slice views, and hide segmentations, previews and legends of other volumes.

    A segmentation that was hidden with its volume is shown with it again. One that belongs to no volume stays as it is.

    Args:
        scene: the ``vtkMRMLScene``.
        volume_node: the volume.
        alone: hide what belongs to other volumes even if the slice views show this one already.

    Returns:
        Whether a slice view showed something else before, so that the views should be fitted.
    """
    switched = not shows_in_slices(scene, volume_node)
    if switched:
        show_in_slices(scene, volume_node)
    for node in list(_nodes(scene)):
        if (owner := volume_of(node)) is volume_node:
            show_again(node)
        elif owner is not None and (switched or alone):
            _hide(node)
    return switched


def _hide(node: Any) -> None:
    """Hide a segmentation until its volume is shown again, or an activation with its legend."""
    if not node.IsA(KINDS[0]):
        leave_slices(node.GetScene(), node)
        show_legend(node, False)
    elif (display := node.GetDisplayNode()) is not None and display.GetVisibility():
        display.SetVisibility(False)
        node.SetAttribute(HIDDEN, "true")


def show_again(node: Any) -> None:
    """Show a segmentation that was hidden with its volume; one that the user hid stays hidden."""
    if node.GetAttribute(HIDDEN):
        node.RemoveAttribute(HIDDEN)
        node.GetDisplayNode().SetVisibility(True)


def _nodes(scene: Any) -> Iterator[Any]:
    """Yield the segmentations of a scene and the activations of reviews."""
    for kind in KINDS:
        for index in range(scene.GetNumberOfNodesByClass(kind)):
            node = scene.GetNthNodeByClass(index, kind)
            if kind == KINDS[0] or is_own_node(node):
                yield node
