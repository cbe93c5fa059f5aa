"""MoreSettings: settings of the label map that few need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from ..workbench.names import REFINEMENTS, UPTAKE_BORDERS
from .interactions import Interactions
from .translation import translated
from .widgets import fill_combo


class MoreSettings:
    """Sets and shows refinement, normalisation, limits and uptake border.

    Args:
        ui: the widgets of the panel by name.
        interactions: passes changes on to the review.
    """

    def __init__(self, ui: Any, interactions: Interactions) -> None:
        self._ui, self._interactions = ui, interactions
        fill_combo(ui.refinementSelector, {method: translated(name) for method, name in REFINEMENTS.items()})
        fill_combo(
            ui.normalisationSelector,
            {
                "slice": _("Highest of each slice"),
                "volume": _("Highest of the scan"),
                "reference": _("Fixed level"),
            },
        )
        fill_combo(ui.borderSelector, {border: translated(name) for border, name in UPTAKE_BORDERS.items()})
        self._bind(ui.refinementSelector, "activated(int)", "set_refinement", ui.refinementSelector.itemData)
        self._bind(ui.normalisationSelector, "activated(int)", "set_normalisation", ui.normalisationSelector.itemData)
        self._bind(ui.minVolumeSpinBox, "valueChanged(double)", "set_min_volume_ml", preview=True)
        self._bind(ui.probabilityLimitSlider, "valueChanged(double)", "set_probability_limit", preview=True)
        self._bind(ui.keepLargestSpinBox, "valueChanged(int)", "set_keep_largest", lambda n: n or None, preview=True)
        self._bind(ui.borderSelector, "activated(int)", "set_uptake_border", ui.borderSelector.itemData)

    def _bind(
        self, widget: Any, signal: str, setter: str, value: Callable[[Any], Any] = lambda given: given, **options: Any
    ) -> None:
        """Let a widget call a setter of the review."""

        def on_signal(given: Any) -> None:
            self._interactions.soon(setter, lambda: getattr(self._interactions.review, setter)(value(given), **options))

        widget.connect(signal, on_signal)

    def show(self, review: Any) -> None:
        """Show the settings that the model has: uptake is for PET, slices and the edges of the image for the others."""
        ui, settings = self._ui, review.settings
        slices = not settings.uptake_border
        for name in ("refinementLabel", "refinementSelector", "probabilityLimitLabel", "probabilityLimitSlider"):
            getattr(ui, name).visible = slices
        ui.borderLabel.visible = ui.borderSelector.visible = not slices
        ui.refinementSelector.currentIndex = ui.refinementSelector.findData(settings.refinement)
        ui.normalisationSelector.currentIndex = ui.normalisationSelector.findData(settings.normalisation)
        ui.minVolumeSpinBox.value = settings.min_volume_ml
        ui.probabilityLimitSlider.value = settings.probability_limit
        ui.keepLargestSpinBox.value = settings.keep_largest or 0
        ui.borderSelector.currentIndex = ui.borderSelector.findData(settings.uptake_border)
