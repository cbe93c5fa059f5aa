"""MoreSettings: settings of the label map that few need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from .interactions import Interactions
from .widgets import fill_combo


class MoreSettings:
    """Sets and shows refinement, normalisation, limits and uptake border.

    Args:
        ui: the widgets of the panel by name.
        interactions: passes changes on to the review.
    """

    def __init__(self, ui: Any, interactions: Interactions) -> None:
        self._ui, self._interactions = ui, interactions
        fill_combo(
            ui.refinementSelector,
            {"none": _("No"), "random-walk": _("By random walk"), "geodesic": _("By geodesic distance")},
        )
        fill_combo(
            ui.normalisationSelector,
            {
                "slice": _("Highest of each slice"),
                "volume": _("Highest of the scan"),
                "reference": _("Fixed level"),
            },
        )
        fill_combo(
            ui.borderSelector,
            {
                "adaptive": _("Adaptive"),
                "41%": _("41 % of the highest uptake"),
                "50%": _("50 % of the highest uptake"),
                "suv2.5": _("SUV 2.5"),
                "suv4": _("SUV 4"),
                "liver": _("1.5 times the liver (PERCIST)"),
            },
        )
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
        """Show the settings."""
        ui, settings = self._ui, review.settings
        slices = not settings.uptake_border
        ui.refinementSelector.currentIndex = ui.refinementSelector.findData(settings.refinement)
        ui.normalisationSelector.currentIndex = ui.normalisationSelector.findData(settings.normalisation)
        ui.minVolumeSpinBox.value = settings.min_volume_ml
        ui.probabilityLimitSlider.value = settings.probability_limit
        ui.keepLargestSpinBox.value = settings.keep_largest or 0
        ui.refinementSelector.enabled = slices
        ui.borderSelector.enabled = not slices
        ui.borderSelector.currentIndex = ui.borderSelector.findData(settings.uptake_border)
