"""ScalePicker: which scales are fused, and how much each counts."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from .interactions import Interactions
from .picture_label import PictureLabel
from .pictures import draw_map

CELLS = 5


class ScalePicker:
    """A cell for each scale: its map, a check box and its weight.

    Args:
        ui: the widgets of the panel by name.
        interactions: passes changes on to the review.
    """

    def __init__(self, ui: Any, interactions: Interactions) -> None:
        self._ui, self._interactions = ui, interactions
        self._pictures = [self._connect(cell) for cell in range(CELLS)]

    def _connect(self, cell: int) -> PictureLabel:
        picture, check_box, spin_box = self._cell(cell)
        check_box.connect("clicked()", self.on_scales_chosen)
        spin_box.connect("valueChanged(double)", lambda weight: self.on_weight_moved(cell, weight))
        return PictureLabel(
            picture,
            self._interactions,
            pressed=lambda _part: check_box.visible and check_box.click(),
            redraw=self.show_maps,
            drags=False,
        )

    def _cell(self, cell: int) -> tuple[Any, Any, Any]:
        """Return picture, check box and weight of a cell."""
        ui = self._ui
        names = (f"{name}{cell}" for name in ("scalePicture", "scaleCheckBox", "scaleWeight"))
        picture, check_box, spin_box = (getattr(ui, name) for name in names)
        return picture, check_box, spin_box

    def on_scales_chosen(self) -> None:
        """Fuse the ticked scales."""
        scales = [scale for cell, scale in self._scales() if self._cell(cell)[1].checked]
        self._interactions.soon("scales", lambda: self._interactions.review.set_scales(scales))

    def on_weight_moved(self, cell: int, weight: float) -> None:
        """Let a scale count more or less."""
        scale = dict(self._scales()).get(cell)
        self._interactions.soon(
            f"weight {cell}", lambda: self._interactions.review.set_weight(scale, weight, preview=True)
        )

    def _scales(self) -> list[tuple[int, int]]:
        """Return the cells in use, each with its scale."""
        review = self._interactions.review
        return [] if review is None else list(enumerate(review.found.scales[:CELLS]))

    def show(self, review: Any) -> None:
        """Show which scales there are, which are used and how much each counts."""
        used, weights, scales = review.settings.scales, dict(review.settings.weights), dict(self._scales())
        self._ui.scalesLabel.visible = len(scales) > 1
        for cell in range(CELLS):
            picture, check_box, spin_box = self._cell(cell)
            picture.visible = cell in scales
            check_box.visible = spin_box.visible = cell in scales and len(scales) > 1
            if cell in scales:
                check_box.text = _("Scale {number}").format(number=scales[cell])
                check_box.checked = scales[cell] in used
                spin_box.value = weights[scales[cell]]
                spin_box.enabled = scales[cell] in used

    def show_maps(self) -> None:
        """Show each scale's map, small."""
        maps = self._interactions.review.scale_maps
        for cell, scale in self._scales():
            self._pictures[cell].show(draw_map, maps[scale])

    def close(self) -> None:
        """Watch the pictures no longer."""
        for picture in self._pictures:
            picture.close()
