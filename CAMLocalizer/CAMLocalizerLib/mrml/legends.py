"""The colour legend of an activation map in the slice views."""

from __future__ import annotations

from typing import Any

import slicer

LEGEND_CLASS = "vtkMRMLColorLegendDisplayNode"
TITLE = "Activation"
LABELS = 6  # 0.0, 0.2, ... 1.0
POSITION = (0.97, 0.5)  # share of the view's free width and height: at the right, half way up
SIZE = (0.05, 0.45)  # share of the view's width and height
FONT_SIZE = 12


def register_legends(scene: Any) -> None:
    """Let the scene make and load colour legends; the desktop's Colors module does that by itself."""
    if hasattr(slicer, LEGEND_CLASS) and not scene.IsNodeClassRegistered(LEGEND_CLASS):
        scene.RegisterNodeClass(getattr(slicer, LEGEND_CLASS)())


def show_legend(volume_node: Any, visible: bool = True) -> Any:
    """Show what the colours of a volume node mean, in every slice view that shows the node.

    Args:
        volume_node: scalar volume node with a display node, in a scene.
        visible: False hides a legend that is there and makes none.

    Returns:
        The ``vtkMRMLColorLegendDisplayNode``; None where Slicer has no legends or none was wanted.
    """
    if not hasattr(slicer, "vtkSlicerColorLogic"):
        return None
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(volume_node)
    if legend is None and visible:
        register_legends(volume_node.GetScene())
        legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(volume_node)
        _style(legend)
    if legend is not None:
        legend.SetVisibility(visible)
    return legend


def _style(legend: Any) -> None:
    legend.SetTitleText(TITLE)
    legend.SetUseColorNamesForLabels(False)
    legend.SetLabelFormat("%.1f")
    legend.SetNumberOfLabels(LABELS)
    legend.SetPosition(*POSITION)
    legend.SetSize(*SIZE)
    for text in (legend.GetTitleTextProperty(), legend.GetLabelTextProperty()):
        text.SetFontFamilyToArial()
        text.SetFontSize(FONT_SIZE)
        text.ShadowOn()  # readable over bright tissue, too
