"""Which volume a segmentation belongs to."""

from __future__ import annotations

from typing import Any

from ...mrml import segment_ids
from ..review.accepted import KEY_TAG

VOLUME_ROLE = "CAMLocalizer.Volume"
CHECKSUM = "CAMLocalizer.VolumeChecksum"
GONE = "a volume that is no longer in the scene"


def volume_of(node: Any) -> Any:
    """Return the volume node of the scene that a segmentation or an activation belongs to; None if that is not known.

    Args:
        node: a node that a review marked, or a segmentation that was drawn on a volume.
    """
    if (volume := node.GetNodeReference(VOLUME_ROLE)) is not None or not node.IsA("vtkMRMLSegmentationNode"):
        return volume
    return node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())


def other_owner(node: Any, volume_node: Any, checksum: str = "") -> str:
    """Return the name of the other volume that a segmentation belongs to; empty if it belongs to this one or to none.

    Args:
        node: ``vtkMRMLSegmentationNode``.
        volume_node: this volume.
        checksum: of its voxels; empty if it is not known.
    """
    owner = volume_of(node)
    if owner is not None:
        return "" if owner is volume_node else str(owner.GetName())
    marked = node.GetAttribute(CHECKSUM)
    return GONE if marked and marked != checksum else ""


def mark_owner(node: Any, volume_node: Any, checksum: str) -> None:
    """Let a segmentation belong to a volume, unless it belongs to one already; it does so in a saved scene, too."""
    if volume_of(node) is None:
        node.SetNodeReferenceID(VOLUME_ROLE, volume_node.GetID())
    if volume_of(node) is volume_node:
        node.SetAttribute(CHECKSUM, checksum)


def forget_owner(node: Any) -> None:
    """Let a segmentation without accepted segments belong to no volume, unless it was drawn on one."""
    segmentation = node.GetSegmentation()
    if not any(segmentation.GetSegment(each).HasTag(KEY_TAG) for each in segment_ids(node)):
        node.SetNodeReferenceID(VOLUME_ROLE, None)
        node.RemoveAttribute(CHECKSUM)
