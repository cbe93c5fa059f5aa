"""Tests of the panel in the desktop; run_tests.py runs them beside the module's own."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import qt
import slicer
from panel_case import PanelCase

from CAMLocalizer import CAMLocalizerLogic
from CAMLocalizerLib.panel.component_table import CENTRE, KEEP
from CAMLocalizerLib.workbench.presenter import volume_text


class DesktopCases(PanelCase):
    """What else a reviewer does, and what must not happen."""

    def test_without_waiting_a_callback_gets_the_result(self) -> None:
        """The same label map comes as when it is waited for."""
        logic = CAMLocalizerLogic()
        options = {"device": "cpu", "threshold": 0.4}
        expected = logic.process(self.volume, **options)
        outcomes: list[tuple[Any, str]] = []
        logic.process(self.volume, **options, blocking=False, completed=lambda *outcome: outcomes.append(outcome))
        self.wait_until(lambda: bool(outcomes))
        assert (outcomes[0][0].label_map.array_kji == expected.label_map.array_kji).all()

    def test_panel(self) -> None:
        """The panel runs, updates live, undoes, accepts and exports."""
        panel = self.review_in_panel()
        before = panel.review.volume_ml
        panel.ui.thresholdSlider.value = 30
        self.flush_to_disk(panel)
        assert panel.review.volume_ml > before > 0
        assert panel.ui.volumeLabel.text == volume_text(panel.review.volume_ml)
        panel.ui.undoButton.click()
        assert panel.review.volume_ml == before
        panel.ui.acceptButton.click()
        assert panel.parameter_node.outputSegmentation.GetSegmentation().GetNumberOfSegments() == 1
        with tempfile.TemporaryDirectory() as folder:
            panel.ui.exportFolderButton.directory = folder
            panel.ui.exportButton.click()
            assert list(Path(folder).glob("*/report.json")), panel.ui.statusLabel.text

    def test_an_unticked_component_leaves_the_tumour(self) -> None:
        """The other components stay."""
        panel = self.review_in_panel()
        before = panel.review.components
        assert panel.ui.componentsTable.rowCount == len(before)
        panel.ui.componentsTable.item(0, KEEP).setCheckState(qt.Qt.Unchecked)
        self.flush_to_disk(panel)
        assert [component.kept for component in panel.review.components] == [False] + [True] * (len(before) - 1)

    def test_a_chosen_component_is_shown_in_the_slice_views(self) -> None:
        """The red view goes to the slice of the component's highest activation."""
        panel = self.review_in_panel()
        panel.ui.componentsTable.setCurrentCell(1, CENTRE)
        self.flush_to_disk(panel)
        offset = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed").GetSliceOffset()
        grid = panel.review.found.volume.grid
        peak = grid.to_lps(panel.review.components[1].peak_kji[::-1])
        assert abs(offset - peak[2]) <= grid.spacing_mm[2] / 2

    def test_accepting_leaves_the_users_own_segments_alone(self) -> None:
        """The tumour becomes one more segment, which undo takes back."""
        own = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
        own.SetReferenceImageGeometryParameterFromVolumeNode(self.volume)
        own.GetSegmentation().AddEmptySegment("bone", "Bone")
        panel = self.review_in_panel()
        panel.ui.outputSelector.setCurrentNode(own)
        panel.ui.acceptButton.click()
        names = [own.GetSegmentation().GetNthSegment(index).GetName() for index in range(2)]
        assert names == ["Bone", "Tumour 1"]
        panel.ui.undoButton.click()
        assert own.GetSegmentation().GetNumberOfSegments() == 1

    def test_a_cancelled_run_leaves_nothing(self) -> None:
        """It ends within two seconds, with the scene as it was."""
        panel = self.open_panel()
        count = slicer.mrmlScene.GetNumberOfNodes()
        panel.ui.runButton.click()
        self.wait_until(lambda: panel.workbench.status.state != "starting")
        start = time.monotonic()
        panel.ui.runButton.click()
        assert time.monotonic() - start < 2
        assert not panel.workbench.running
        assert slicer.mrmlScene.GetNumberOfNodes() == count

    def test_a_closed_scene_ends_a_run(self) -> None:
        """Nothing of the run comes into the new scene."""
        panel = self.open_panel()
        panel.ui.runButton.click()
        self.wait_until(lambda: panel.workbench.status.state != "starting")
        slicer.mrmlScene.Clear()
        assert not panel.workbench.running
        assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0

    def test_a_saved_review_comes_back(self) -> None:
        """A scene that was saved and loaded again shows the same tumour, bit by bit."""
        panel = self.review_in_panel()
        panel.ui.thresholdSlider.value = 35
        self.flush_to_disk(panel)
        panel.ui.acceptButton.click()
        self.flush_to_disk(panel)
        mask = panel.review.mask.copy()
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "review.mrb")
            assert slicer.util.saveScene(path)
            slicer.mrmlScene.Clear()
            assert panel.review is None
            slicer.util.loadScene(path)
        assert panel.review is not None, panel.ui.statusLabel.text
        assert (panel.review.mask == mask).all()
        assert len(panel.review.accepted) == 1

    def test_the_pictures_are_as_wide_as_the_panel(self) -> None:
        """Histogram, probabilities and maps were drawn."""
        ui = self.review_in_panel().ui
        slicer.app.processEvents()
        for label in (ui.histogramPicture, ui.probabilityPicture, ui.scalePicture0):
            assert label.pixmap.width() == round(label.width * label.devicePixelRatioF())
