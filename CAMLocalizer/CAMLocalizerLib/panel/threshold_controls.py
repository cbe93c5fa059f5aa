"""ThresholdControls: method, slider, number and histogram of the threshold, and the volume that it gives."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from ..workbench.names import THRESHOLD_METHODS, component_count_text
from ..workbench.presenter import (
    kept_count,
    set_threshold_method,
    threshold_control,
    threshold_text,
    threshold_warning,
    volume_text,
)
from .interactions import Interactions
from .picture_label import PictureLabel
from .pictures import draw_histogram
from .translation import translated
from .widgets import fill_combo

PERCENT = 100.0  # the panel shows levels in per cent, too


class ThresholdControls:
    """Sets and shows the threshold of a review.

    Args:
        ui: the widgets of the panel by name.
        interactions: passes changes on to the review.
    """

    def __init__(self, ui: Any, interactions: Interactions) -> None:
        self._ui, self._interactions = ui, interactions
        fill_combo(ui.thresholdMethod, {method: translated(name) for method, name in THRESHOLD_METHODS.items()})
        ui.thresholdMethod.connect("activated(int)", self.on_method)
        ui.thresholdSlider.connect("valueChanged(double)", self.on_moved)
        ui.thresholdSpinBox.connect("valueChanged(double)", self.on_moved)
        self._picture = PictureLabel(
            ui.histogramPicture, interactions, pressed=self.on_histogram_pressed, redraw=self.show_histogram
        )

    def on_method(self, index: int) -> None:
        """Set the threshold by another method."""
        method = self._ui.thresholdMethod.itemData(index)
        self._interactions.soon("threshold", lambda: set_threshold_method(self._interactions.review, method))

    def on_moved(self, percent: float) -> None:
        """Follow slider or number."""
        method = self._ui.thresholdMethod.itemData(self._ui.thresholdMethod.currentIndex)
        text = threshold_text(method, percent if method == "percentile" else percent / PERCENT)
        self._interactions.soon("threshold", lambda: self._interactions.review.set_threshold(text, preview=True))

    def on_histogram_pressed(self, part: float) -> None:
        """Put the threshold where the histogram is pressed."""
        self._interactions.soon(
            "threshold", lambda: self._interactions.review.set_threshold(f"{part:.3g}", preview=True)
        )

    def show(self, review: Any) -> None:
        """Show the threshold that is set."""
        ui, control = self._ui, threshold_control(review)
        ui.thresholdMethod.currentIndex = ui.thresholdMethod.findData(control.method)
        scale = 1.0 if control.method == "percentile" else PERCENT
        ui.thresholdSlider.minimum, ui.thresholdSlider.maximum = scale * control.low, scale * control.high
        ui.thresholdSlider.singleStep = scale * control.step
        for widget in (ui.thresholdSlider, ui.thresholdSpinBox):
            widget.value = scale * control.position
            widget.enabled = control.adjustable

    def show_histogram(self) -> None:
        """Show the histogram of the map, the volume at each threshold, and the threshold that is set."""
        review = self._interactions.review
        curve = review.volume_curve()[1]
        self._picture.show(draw_histogram, review.histogram(), review.threshold_value, curve=curve)

    def show_volume(self, review: Any) -> None:
        """Show how large the tumour is."""
        self._ui.volumeLabel.text = volume_text(review.volume_ml)
        count = translated(component_count_text(kept_count(review)))
        self._ui.countLabel.text = _("{count}, edited by hand").format(count=count) if review.edited else count
        self._ui.thresholdNote.text = translated(threshold_warning(review))
        self._ui.thresholdNote.visible = bool(self._ui.thresholdNote.text)

    def close(self) -> None:
        """Watch the histogram no longer."""
        self._picture.close()
