"""More tests of the panel in the desktop; run_tests.py runs them beside the module's own."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import qt
import slicer

from CAMLocalizer import CENTRE, KEEP, CAMLocalizerTest


class DesktopCases(CAMLocalizerTest):
    """What else a reviewer does, and what must not happen."""

    test_process = test_panel = None  # the module's own tests are run once

    def test_an_unticked_region_leaves_the_tumour(self) -> None:
        """The other regions stay."""
        widget = self.reviewInPanel()
        before = widget.review.components
        assert widget.ui.componentsTable.rowCount == len(before)
        widget.ui.componentsTable.item(0, KEEP).setCheckState(qt.Qt.Unchecked)
        self.settle(widget)
        assert [component.kept for component in widget.review.components] == [False] + [True] * (len(before) - 1)

    def test_a_chosen_region_is_shown_in_the_slice_views(self) -> None:
        """The red view goes to the slice of the region's highest activation."""
        widget = self.reviewInPanel()
        widget.ui.componentsTable.setCurrentCell(1, CENTRE)
        self.settle(widget)
        offset = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed").GetSliceOffset()
        grid = widget.review.found.volume.grid
        peak = grid.to_lps(widget.review.components[1].peak_kji[::-1])
        assert abs(offset - peak[2]) <= grid.spacing_mm[2] / 2

    def test_accepting_leaves_the_users_own_segments_alone(self) -> None:
        """The tumour becomes one more segment, which undo takes back."""
        own = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
        own.SetReferenceImageGeometryParameterFromVolumeNode(self.volume)
        own.GetSegmentation().AddEmptySegment("bone", "Bone")
        widget = self.reviewInPanel()
        widget.ui.outputSelector.setCurrentNode(own)
        widget.ui.acceptButton.click()
        names = [own.GetSegmentation().GetNthSegment(index).GetName() for index in range(2)]
        assert names == ["Bone", "Tumour 1"]
        widget.ui.undoButton.click()
        assert own.GetSegmentation().GetNumberOfSegments() == 1

    def test_a_cancelled_run_leaves_nothing(self) -> None:
        """It ends within two seconds, with the scene as it was."""
        widget = self.openPanel()
        count = slicer.mrmlScene.GetNumberOfNodes()
        widget.ui.runButton.click()
        self.waitUntil(lambda: widget.workbench.status.state != "starting")
        begun = time.monotonic()
        widget.ui.runButton.click()
        assert time.monotonic() - begun < 2
        assert not widget.workbench.running
        assert slicer.mrmlScene.GetNumberOfNodes() == count

    def test_a_closed_scene_ends_a_run(self) -> None:
        """Nothing of the run comes into the new scene."""
        widget = self.openPanel()
        widget.ui.runButton.click()
        self.waitUntil(lambda: widget.workbench.status.state != "starting")
        slicer.mrmlScene.Clear()
        assert not widget.workbench.running
        assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0

    def test_a_saved_review_comes_back(self) -> None:
        """A scene that was saved and loaded again shows the same tumour, bit by bit."""
        widget = self.reviewInPanel()
        widget.ui.thresholdSlider.value = 35
        self.settle(widget)
        widget.ui.acceptButton.click()
        self.settle(widget)
        mask = widget.review.mask.copy()
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "review.mrb")
            assert slicer.util.saveScene(path)
            slicer.mrmlScene.Clear()
            assert widget.review is None
            slicer.util.loadScene(path)
        assert widget.review is not None, widget.ui.statusLabel.text
        assert (widget.review.mask == mask).all()
        assert len(widget.review.accepted) == 1

    def test_the_pictures_are_as_wide_as_the_panel(self) -> None:
        """Histogram, probabilities and maps were drawn."""
        ui = self.reviewInPanel().ui
        slicer.app.processEvents()
        for label in (ui.histogramPicture, ui.probabilityPicture, ui.scalePicture0):
            assert label.pixmap.width() == round(label.width * label.devicePixelRatioF())
