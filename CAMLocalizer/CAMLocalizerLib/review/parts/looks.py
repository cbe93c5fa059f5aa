"""How the views look: overlay, outline, brightness, and drawing no more than is new."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...mrml import show_legend
from ...mrml.colours import activation_rgba
from ...mrml.pet import shown_as_pet
from ...workbench import Change, Review
from ..page_context import EVERYTHING, PageContext
from ..page_state import Look

LEGEND_COLOURS = 12
WIDEST_SUV = (0.0, 20.0)  # that brightness and contrast reach in a PET
FAINTEST = 0.2  # activation below it would only darken the scan


class LookPart:
    """Shows and takes how the views look, and where they stand."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._volume_node: Any = None
        context.page.show(Look(legend=legend_colours()))
        context.action("look", self.set_switch)
        context.action("opacity", self.set_opacity)
        context.action("brightness", self.set_brightness)
        context.action("contrast", self.set_contrast)
        context.action("slice", lambda view, offset, _preview=False: context.views.set_offset(view, float(offset)))
        context.action("step", lambda view, steps: context.views.step(view, int(steps)))
        context.action("fit", context.views.fit)
        context.views.on_slice(context.page.show_slice)
        context.on_change(self._on_change)
        context.on_action(self._on_action)
        context.on_pause(self._on_pause)

    @property
    def look(self) -> Look:
        """How the views look now."""
        look: Look = self._context.page.shown(Look)
        return look

    def set_switch(self, name: str, on: bool) -> None:
        """Switch overlay, outline or fill on or off."""
        look, chosen = self.look, bool(on)
        switched = {
            "overlay": replace(look, overlay=chosen),
            "outline": replace(look, outline=chosen),
            "fill": replace(look, fill=chosen),
        }
        self._show(switched.get(name, look))

    def set_opacity(self, opacity: float, preview: bool = False) -> None:  # noqa: ARG002
        """Let the activation cover the scan more or less."""
        self._show(replace(self.look, opacity=min(max(float(opacity), 0.0), 1.0), overlay=True))

    def set_brightness(self, brightness: float, preview: bool = False) -> None:  # noqa: ARG002
        """Make the scan brighter: 0 to 1."""
        look = self.look
        self._show(replace(look, level=look.low + (1 - float(brightness)) * (look.high - look.low)))

    def set_contrast(self, contrast: float, preview: bool = False) -> None:  # noqa: ARG002
        """Give the scan more contrast: 0 to 1."""
        look = self.look
        self._show(replace(look, width=max(1 - float(contrast), 0.01) * (look.high - look.low)))

    def _show(self, look: Look) -> None:
        self._context.page.show(look)
        self._apply()

    def _apply(self) -> None:
        look, workbench = self.look, self._context.workbench
        self._context.views.show_overlay(workbench.activation_node if look.overlay else None, look.opacity)
        for segmentation in (workbench.preview_node, workbench.output_node):
            if segmentation is not None:
                segmentation.GetDisplayNode().SetVisibility2DOutline(look.outline)
                segmentation.GetDisplayNode().SetVisibility2DFill(look.fill)
        if self._volume_node is not None:
            self._volume_node.GetDisplayNode().SetWindowLevel(look.width, look.level)

    def _on_action(self) -> None:
        node = self._context.workbench.volume_node
        if node is self._volume_node:
            return
        self._volume_node = node
        if node is not None:
            display = node.GetDisplayNode()
            display.AutoWindowLevelOff()
            low, high = node.GetImageData().GetScalarRange()
            if shown_as_pet(node):
                low, high = WIDEST_SUV
            look = replace(self.look, level=display.GetLevel(), width=display.GetWindow(), low=low, high=high)
            self._context.page.show(look)

    def _on_change(self, _review: Review, changes: frozenset[Change]) -> None:
        if Change.ACCEPTED in changes:
            self._apply()
        if changes == EVERYTHING:  # another review
            show_legend(self._context.workbench.activation_node, False)  # the page has its own
            self._context.workbench.layer.show_from(FAINTEST)

    def _on_pause(self) -> None:
        with self._context.views.only_three_d():
            self._context.workbench.on_pause()
        self._context.views.let_three_d_go()


def legend_colours() -> str:
    """Return the colours of activation from 1 at the top to 0 at the bottom, as CSS knows them."""
    rgba = activation_rgba()
    picked = rgba[np.linspace(len(rgba) - 1, 0, LEGEND_COLOURS).astype(int)]
    colours = [f"rgb({red * 255:.0f} {green * 255:.0f} {blue * 255:.0f})" for red, green, blue, _ in picked]
    return f"linear-gradient({', '.join(colours)})"
