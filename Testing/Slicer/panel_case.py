"""What the tests of the panel in the desktop share."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import slicer

from CAMLocalizer import CAMLocalizerTest, Device


class PanelCase(CAMLocalizerTest):
    """A case with the sample volume, and the steps to a review of it."""

    test_process = None  # the module's own test is run once

    def review_in_panel(self) -> Any:
        """Open the module and run the classifier on the sample volume."""
        panel = self.open_panel()
        self.run_in(panel)
        return panel

    def run_in(self, panel: Any) -> None:
        """Run the classifier on the chosen volume."""
        panel.ui.runButton.click()
        self.wait_until(lambda: not panel.workbench.running)
        assert panel.review is not None, panel.ui.statusLabel.text

    def open_panel(self) -> Any:
        """Open the module with the sample volume chosen."""
        slicer.util.selectModule("CAMLocalizer")
        panel = slicer.modules.CAMLocalizerWidget.panel
        panel.ui.inputSelector.setCurrentNode(self.volume)
        panel.ui.deviceSelector.currentIndex = list(Device).index(Device.CPU)
        return panel

    def flush_to_disk(self, panel: Any) -> None:
        """Wait until the panel has applied the last interaction."""
        timers = (panel.controls.interactions.update_timer, panel.controls.interactions.pause_timer)
        self.wait_until(lambda: not any(timer.active for timer in timers))

    def wait_until(self, condition: Callable[[], bool], seconds: float = 120) -> None:
        """Let the application work until a condition is met."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "this took too long"
            slicer.app.processEvents()
            time.sleep(0.01)
