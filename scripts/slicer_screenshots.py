"""Make the pictures of the tutorial in Slicer: Slicer --python-script scripts/slicer_screenshots.py [FOLDER]

The pictures show MRBrainTumor1, Slicer's own sample, or where it cannot be downloaded the module's. They are written to
Resources/Screenshots unless another folder is given, and Slicer ends with 0 if all of them were made.
"""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from sys import argv
from sys import path as search_path  # Slicer deletes the name sys when it loads a module
from typing import Any

import SampleData
import slicer

ROOT = Path(__file__).resolve().parents[1]
SCREENSHOTS = ROOT / "Resources" / "Screenshots"
SAMPLES = ("MRBrainTumor1", "PyradiomicsBrain1")
WINDOW = (1600, 960)
THRESHOLD = 30.0  # per cent
PATIENCE_S = 300.0


class Session:
    """A reviewer's first session, photographed.

    Args:
        folder: of the pictures.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.panel: Any = None
        self.window = slicer.util.mainWindow()

    def run(self) -> None:
        """Go through the tutorial, with a picture after each step."""
        self.window.resize(*WINDOW)
        slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        volume = load_sample()
        slicer.util.selectModule("CAMLocalizer")
        self.panel = slicer.modules.CAMLocalizerWidget.panel
        self.panel.ui.inputSelector.setCurrentNode(volume)
        self.picture("slicer-1-volume")
        self.find()
        self.picture("slicer-2-found")
        self.panel.ui.thresholdSlider.value = THRESHOLD
        self.settle()
        self.picture("slicer-3-threshold")
        self.panel.ui.correctButton.click()
        self.picture("slicer-4-correct")
        slicer.util.selectModule("CAMLocalizer")
        self.panel.ui.reviewSection.collapsed = True
        self.panel.ui.resultSection.collapsed = False
        self.picture("slicer-5-export")

    def find(self) -> None:
        """Run the model."""
        self.panel.ui.runButton.click()
        wait_until(lambda: not self.panel.workbench.running)
        if self.panel.review is None:
            raise RuntimeError(self.panel.ui.statusLabel.text)
        self.settle()

    def settle(self) -> None:
        """Wait until everything is drawn."""
        timers = (self.panel.controls.interactions.update_timer, self.panel.controls.interactions.pause_timer)
        wait_until(lambda: not any(timer.active for timer in timers))

    def picture(self, name: str) -> None:
        """Write a picture of the window."""
        for _ in range(20):
            slicer.app.processEvents()
            time.sleep(0.05)
        slicer.util.forceRenderAllViews()
        path = self.folder / f"{name}.png"
        if not self.window.grab().save(str(path)):
            raise RuntimeError(f"{path} could not be written")
        print(path, flush=True)


def load_sample() -> Any:
    """Return the first sample that can be had."""
    for name in SAMPLES:
        try:
            if (node := SampleData.downloadSample(name)) is not None:
                return node
        except Exception as error:  # Slicer raises what its download raised
            logging.info("%s cannot be had: %s", name, error)
    raise RuntimeError(f"none of the samples {', '.join(SAMPLES)} can be downloaded")


def wait_until(condition: Callable[[], bool]) -> None:
    """Let the application work until a condition is met."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError("this took too long")
        slicer.app.processEvents()
        time.sleep(0.02)


def main() -> None:
    """Make the pictures and end Slicer."""
    made = False
    try:
        search_path.insert(0, str(ROOT / "Testing" / "Slicer"))
        importlib.import_module("run_tests").load_module()
        folder = Path(argv[-1]) if len(argv) > 1 and Path(argv[-1]).is_dir() else SCREENSHOTS
        Session(folder).run()
        made = True
    except Exception:
        logging.exception("the pictures could not be made")
    finally:
        slicer.util.exit(0 if made else 1)


if __name__ == "__main__":
    main()
