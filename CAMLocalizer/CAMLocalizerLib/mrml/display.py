"""How segmentations look: a preview that lets the picture through, and accepted segments."""

from __future__ import annotations

from typing import Any

PREVIEW_FILL = 0.18
PREVIEW_3D = 0.75
ACCEPTED_FILL = 0.35


def style_preview(node: Any) -> None:
    """Show a segmentation as a full outline with a light fill, in 3D half transparent.

    Args:
        node: ``vtkMRMLSegmentationNode`` with a display node.
    """
    _style(node, fill=PREVIEW_FILL, outline=1.0, solid=PREVIEW_3D)


def style_accepted(node: Any) -> None:
    """Show a segmentation as something settled: stronger fill, opaque in 3D.

    Args:
        node: ``vtkMRMLSegmentationNode`` with a display node.
    """
    _style(node, fill=ACCEPTED_FILL, outline=1.0, solid=1.0)


def outline_only(node: Any, only: bool = True) -> None:
    """Leave out the fill in slice views, or show it again; nothing else changes.

    Args:
        node: ``vtkMRMLSegmentationNode`` with a display node.
        only: False shows the fill.
    """
    node.GetDisplayNode().SetVisibility2DFill(not only)


def _style(node: Any, *, fill: float, outline: float, solid: float) -> None:
    display = node.GetDisplayNode()
    display.SetVisibility2DFill(True)
    display.SetVisibility2DOutline(True)
    display.SetOpacity2DFill(fill)
    display.SetOpacity2DOutline(outline)
    display.SetOpacity3D(solid)
    display.SetSliceIntersectionThickness(2)  # pixels: visible on a projector
