"""PET as it is usually displayed: inverted grey, with a window that does not depend on the organs in the volume."""

from __future__ import annotations

from typing import Any

from ..core import SUV_WINDOW

INVERTED_GREY = "vtkMRMLColorTableNodeInvertedGrey"


def show_as_pet(node: Any) -> None:
    """Show a volume node in inverted grey from SUV 0 to 7.

    Args:
        node: scalar volume node with a display node, in SUV.
    """
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID(INVERTED_GREY)
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(*SUV_WINDOW)


def shown_as_pet(node: Any) -> bool:
    """Tell whether a volume node is shown as `show_as_pet` left it."""
    display = node.GetDisplayNode()
    window = display.GetWindowLevelMin(), display.GetWindowLevelMax()
    return display.GetColorNodeID() == INVERTED_GREY and window == SUV_WINDOW
