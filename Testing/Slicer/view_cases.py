"""Tests of what the desktop shows: pictures of the slice views, two patients, messages, the log."""

from __future__ import annotations

import math
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import qt
import slicer
import vtk
from panel_case import PanelCase
from vtk.util.numpy_support import vtk_to_numpy

from CAMLocalizerLib.workbench.presenter import volume_text

VIEWS = ("Red", "Green", "Yellow")
BLUER = 60  # by how much more blue than red the preview's outline is
NEAR_PIXELS = 4
TROUBLE = ("[WARNING]", "[ERROR]", "[CRITICAL]", "[FATAL]")


class ViewCases(PanelCase):
    """What a radiologist sees."""

    def test_the_outline_is_that_of_the_label_map(self) -> None:
        """With and without a surface, after every move of the threshold."""
        panel = self.review_in_panel()
        for surface in (True, False):
            panel.ui.surfaceCheckBox.checked = surface
            for percent in (50, 25, 60):
                panel.ui.thresholdSlider.value = percent
                self.flush_to_disk(panel)
                self.draw()
                self.assert_outlined(panel)

    def test_each_patient_has_a_segmentation_of_its_own(self) -> None:
        """What is accepted of the second patient does not go into the first one's."""
        panel = self.review_in_panel()
        panel.ui.acceptButton.click()
        first = panel.parameter_node.outputSegmentation
        second = self.second_patient()
        panel.ui.inputSelector.setCurrentNode(second)
        assert panel.ui.outputSelector.currentNode() is None
        self.run_in(panel)
        panel.ui.acceptButton.click()
        assert panel.parameter_node.outputSegmentation.GetID() != first.GetID()
        assert first.GetSegmentation().GetNumberOfSegments() == 1
        panel.ui.inputSelector.setCurrentNode(self.volume)
        assert panel.ui.outputSelector.currentNode().GetID() == first.GetID()

    def test_a_segmentation_of_another_patient_asks(self) -> None:
        """Refused, it is not the output."""
        panel = self.review_in_panel()
        panel.ui.acceptButton.click()
        first = panel.parameter_node.outputSegmentation
        panel.ui.inputSelector.setCurrentNode(self.second_patient())
        questions = self.answer(panel, yes=False)
        panel.ui.outputSelector.setCurrentNode(first)
        assert len(questions) == 1, questions
        assert panel.ui.outputSelector.currentNode() is None
        assert panel.workbench.output_node is None

    def test_the_views_follow_the_chosen_patient(self) -> None:
        """The second patient is seen, and nothing of the first one."""
        panel = self.review_in_panel()
        panel.ui.acceptButton.click()
        self.flush_to_disk(panel)
        accepted, preview = panel.workbench.output_node, panel.workbench.preview_node
        activation = panel.workbench.activation_node
        second = self.second_patient()
        panel.ui.inputSelector.setCurrentNode(second)
        self.draw()
        for name in VIEWS:
            composite = self.logic_of(name).GetSliceCompositeNode()
            assert composite.GetBackgroundVolumeID() == second.GetID()
            assert composite.GetForegroundVolumeID() is None
            picture = self.picture(name)
            assert (picture.max(axis=2) > 40).mean() > 0.1, f"{name} shows nothing"
            assert not self.outlined(name).any()
        assert not accepted.GetDisplayNode().GetVisibility()
        assert not preview.GetDisplayNode().GetVisibility()
        panel.ui.inputSelector.setCurrentNode(self.volume)
        self.draw()
        for name in VIEWS:
            composite = self.logic_of(name).GetSliceCompositeNode()
            assert composite.GetBackgroundVolumeID() == self.volume.GetID()
            assert composite.GetForegroundVolumeID() == activation.GetID()
        assert accepted.GetDisplayNode().GetVisibility()
        accepted.GetDisplayNode().SetVisibility(False)  # it lies over the preview
        self.draw()
        self.assert_outlined(panel)

    def test_why_a_run_cannot_start_is_readable(self) -> None:
        """Of a blank volume, one with NaN, and one under a transform that bends."""
        panel = self.open_panel()
        blank, hollow, bent = (self.copy_of_sample(name) for name in ("blank", "hollow", "bent"))
        slicer.util.updateVolumeFromArray(blank, np.full(slicer.util.arrayFromVolume(blank).shape, 3, np.int16))
        array = slicer.util.arrayFromVolume(hollow).astype(np.float32)
        array[:, 100:150, 100:150] = np.nan
        slicer.util.updateVolumeFromArray(hollow, array)
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "bend")
        transform.SetAndObserveTransformToParent(vtk.vtkThinPlateSplineTransform())
        bent.SetAndObserveTransformNodeID(transform.GetID())
        for node, told in ((blank, "every voxel is 3"), (hollow, "NaN"), (bent, "not linear")):
            panel.ui.inputSelector.setCurrentNode(node)
            panel.ui.runButton.click()
            slicer.app.processEvents()
            panel.ui.opacitySlider.value = 0.3
            slicer.app.processEvents()
            assert told in panel.ui.statusLabel.text
            self.assert_in_sight(panel.ui.statusLabel)

    def test_after_a_hand_edit_the_panel_shows_what_accept_stores(self) -> None:
        """Volume and table are those of the corrected label map."""
        panel = self.review_in_panel()
        before = panel.ui.volumeLabel.text
        preview = panel.workbench.preview_node
        segment_id = preview.GetSegmentation().GetNthSegmentID(0)
        array = slicer.util.arrayFromSegmentBinaryLabelmap(preview, segment_id, self.volume)
        array[:, :, : array.shape[2] // 2] = 0
        array[0, :8, -8:] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(array, preview, segment_id, self.volume)
        self.flush_to_disk(panel)
        assert panel.ui.volumeLabel.text != before
        assert panel.ui.volumeLabel.text == volume_text(panel.review.volume_ml)
        listed = sum(float(panel.ui.componentsTable.item(row, 1).text()) for row in range(self.rows(panel)))
        panel.ui.acceptButton.click()
        stored = panel.review.accepted[0].volume_ml
        assert panel.ui.volumeLabel.text == volume_text(stored)
        assert abs(listed - stored) < 0.01 * self.rows(panel)

    def test_running_again_keeps_what_was_done(self) -> None:
        """Threshold, components, undo and what was accepted stay; accepting twice is not possible."""
        panel = self.review_in_panel()
        panel.ui.thresholdSlider.value = 35
        self.flush_to_disk(panel)
        panel.ui.acceptButton.click()
        assert not panel.ui.acceptButton.enabled
        self.run_in(panel)
        assert panel.ui.thresholdSlider.value == 35
        assert panel.ui.undoButton.enabled
        assert not panel.ui.acceptButton.enabled
        assert panel.parameter_node.outputSegmentation.GetSegmentation().GetNumberOfSegments() == 1

    def test_messages_are_in_sight_of_their_buttons(self) -> None:
        """What Accept and Export did is readable without scrolling away from the button."""
        panel = self.review_in_panel()
        area = self.scroll_area(panel.ui.acceptButton)
        if area is not None:
            area.ensureWidgetVisible(panel.ui.acceptButton)
        panel.ui.acceptButton.click()
        slicer.app.processEvents()
        assert "was accepted" in panel.ui.acceptMessage.text
        self.assert_near(panel.ui.acceptMessage, panel.ui.acceptButton)
        with tempfile.TemporaryDirectory() as folder:
            panel.ui.exportFolderButton.directory = folder
            panel.ui.exportButton.click()
            slicer.app.processEvents()
            assert "Written to" in panel.ui.exportMessage.text
            self.assert_near(panel.ui.exportMessage, panel.ui.exportButton)

    def test_the_shortcut_of_the_run_button_stays(self) -> None:
        """Ctrl+Return starts a second run, too."""
        panel = self.review_in_panel()
        assert panel.ui.runButton.shortcut.toString() == "Ctrl+Return"

    def test_undo_survives_a_change_of_volume(self) -> None:
        """The steps on the first volume are there when it is chosen again."""
        panel = self.review_in_panel()
        before = panel.ui.thresholdSlider.value
        panel.ui.thresholdSlider.value = 35
        self.flush_to_disk(panel)
        panel.ui.inputSelector.setCurrentNode(self.second_patient())
        panel.ui.inputSelector.setCurrentNode(self.volume)
        assert panel.ui.thresholdSlider.value == 35
        panel.ui.undoButton.click()
        assert panel.ui.thresholdSlider.value == before

    def test_a_jump_to_a_component_moves_the_crosshair(self) -> None:
        """The crosshair is at the component's highest activation."""
        panel = self.review_in_panel()
        panel.ui.componentsTable.setCurrentCell(1, 1)
        self.flush_to_disk(panel)
        grid = panel.review.found.volume.grid
        left, posterior, superior = grid.to_lps(panel.review.components[1].peak_kji[::-1])
        crosshair = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
        assert np.allclose(crosshair.GetCrosshairRAS(), (-left, -posterior, superior), atol=0.01)

    def test_a_low_threshold_keeps_up_and_says_what_it_leaves_out(self) -> None:
        """At 8 % no 3D view is drawn while the threshold moves, and a cut list says so; prints how fast it is."""
        panel = self.review_in_panel()
        panel.ui.surfaceCheckBox.checked = True
        self.flush_to_disk(panel)
        view = slicer.app.layoutManager().threeDWidget(0).threeDView()
        drawn: list[int] = []
        tag = view.renderWindow().AddObserver(vtk.vtkCommand.EndEvent, lambda *_: drawn.append(1))
        seconds = []
        for step in range(20):
            panel.ui.thresholdSlider.value = 8 + 0.5 * math.sin(step)
            begin = time.perf_counter()
            panel.controls.interactions.run_pending()
            panel.controls.interactions.pause_timer.stop()  # as if the mouse was still held
            self.draw(wait=False)
            seconds.append(time.perf_counter() - begin)
        assert not drawn
        panel.controls.interactions.pause_timer.start()
        view.renderWindow().RemoveObserver(tag)
        self.flush_to_disk(panel)
        begin = time.perf_counter()
        panel.ui.undoButton.click()
        undone = time.perf_counter() - begin
        print(f"threshold at 8 %: {1 / np.median(seconds):.0f} frames per second; undo {1000 * undone:.0f} ms")
        count = len(panel.review.components)
        assert panel.ui.componentsNote.visible == (count > self.rows(panel))

    def test_an_automatic_threshold_that_takes_half_of_the_head_warns(self) -> None:
        """Otsu's threshold with 430 ml is not shown without a word."""
        panel = self.review_in_panel()
        panel.ui.thresholdMethod.currentIndex = panel.ui.thresholdMethod.findData("otsu")
        panel.controls.threshold.on_method(panel.ui.thresholdMethod.currentIndex)
        self.flush_to_disk(panel)
        with mock.patch.object(type(panel.review), "volume_ml", 430.0):
            panel.controls.threshold.show_volume(panel.review)
        slicer.app.processEvents()
        assert panel.ui.thresholdNote.text.startswith("Otsu's threshold marks 430.0 ml")
        self.assert_in_sight(panel.ui.thresholdNote)

    def test_the_log_has_no_errors_and_no_warnings(self) -> None:
        """Through run, threshold, accept, undo, change of volume, reload of the scene and of the module, and close."""
        panel = self.open_panel()
        begin = self.log_length()
        self.run_in(panel)
        panel.ui.thresholdSlider.value = 35
        self.flush_to_disk(panel)
        panel.ui.acceptButton.click()
        self.flush_to_disk(panel)
        panel.ui.undoButton.click()
        panel.ui.redoButton.click()
        self.flush_to_disk(panel)
        panel.ui.inputSelector.setCurrentNode(self.second_patient())
        panel.ui.inputSelector.setCurrentNode(self.volume)
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "review.mrb")
            assert slicer.util.saveScene(path)
            slicer.mrmlScene.Clear()
            slicer.util.loadScene(path)
        self.draw()
        slicer.mrmlScene.Clear()
        self.draw()
        slicer.util.reloadScriptedModule("CAMLocalizer")
        self.draw()
        trouble = [line for line in self.log_lines()[begin:] if line.startswith(TROUBLE)]
        assert not trouble, "\n".join(trouble)

    # Steps

    def second_patient(self) -> Any:
        """Return a volume of another geometry and place."""
        node = self.copy_of_sample("Second patient")
        node.SetSpacing(1.3, 1.3, 4.0)
        node.SetOrigin(400.0, -300.0, 700.0)
        return node

    def copy_of_sample(self, name: str) -> Any:
        """Return a copy of the sample volume."""
        return slicer.modules.volumes.logic().CloneVolume(slicer.mrmlScene, self.volume, name)

    def answer(self, panel: Any, *, yes: bool) -> list[str]:
        """Answer questions without a box; returns those that are asked."""
        questions: list[str] = []

        def ask(question: str) -> bool:
            questions.append(question)
            return yes

        panel.workbench.confirm, before = ask, panel.workbench.confirm
        self.addCleanup(setattr, panel.workbench, "confirm", before)
        return questions

    def rows(self, panel: Any) -> int:
        """Return the number of listed components."""
        return int(panel.ui.componentsTable.rowCount)

    # What is seen

    def draw(self, *, wait: bool = True) -> None:
        """Let the views draw what they were asked to draw, and nothing else."""
        for _ in range(20 if wait else 1):
            slicer.app.processEvents()
            if wait:
                time.sleep(0.01)

    def logic_of(self, name: str) -> Any:
        """Return the logic of a slice view."""
        return slicer.app.layoutManager().sliceWidget(name).sliceLogic()

    def picture(self, name: str) -> np.ndarray:
        """Return what a slice view shows, without drawing it again: rows from the bottom, red, green, blue."""
        reader = vtk.vtkWindowToImageFilter()
        reader.SetInput(slicer.app.layoutManager().sliceWidget(name).sliceView().renderWindow())
        reader.ShouldRerenderOff()
        reader.ReadFrontBufferOff()
        reader.Update()
        image = reader.GetOutput()
        width, height, _ = image.GetDimensions()
        return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)[..., :3].astype(int)

    def outlined(self, name: str) -> np.ndarray:
        """Return which pixels the outline of the preview covers."""
        picture = self.picture(name)
        return (picture[..., 2] - picture[..., 0] > BLUER) & (picture[..., 1] - picture[..., 0] > BLUER)

    def assert_outlined(self, panel: Any) -> None:
        """Check that the outlines reach as far as the label map does in the slices that are shown."""
        seen = 0
        for name in VIEWS:
            expected = self.expected_box(panel, name)
            rows, columns = np.nonzero(self.outlined(name))
            if expected is None:
                assert len(rows) == 0, name
                continue
            seen += 1
            found = (columns.min(), columns.max(), rows.min(), rows.max())
            assert np.allclose(found, expected, atol=NEAR_PIXELS), (name, found, expected)
        assert seen

    def expected_box(self, panel: Any, name: str) -> tuple[float, ...] | None:
        """Return left, right, bottom and top of the label map in a slice view, in pixels; None if it is not in it."""
        node = self.logic_of(name).GetSliceNode()
        to_ras, to_ijk = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
        self.volume.GetRASToIJKMatrix(to_ijk)
        vtk.vtkMatrix4x4.Multiply4x4(to_ijk, node.GetXYToRAS(), to_ras)
        matrix = slicer.util.arrayFromVTKMatrix(to_ras)
        width, height = node.GetDimensions()[:2]
        x, y = np.meshgrid(np.arange(width), np.arange(height))
        ijk = np.rint(np.stack([x, y, 0 * x, 0 * x + 1], axis=-1) @ matrix.T).astype(int)[..., :3]
        mask = panel.review.mask
        inside = ((ijk >= 0) & (ijk < mask.shape[::-1])).all(axis=-1)
        i, j, k = np.where(inside[..., None], ijk, 0).transpose(2, 0, 1)
        rows, columns = np.nonzero(inside & (mask[k, j, i] != 0))
        return (columns.min(), columns.max(), rows.min(), rows.max()) if len(rows) else None

    def scroll_area(self, widget: Any) -> Any:
        """Return the scroll area that a widget lies in; None if it lies in none."""
        while widget is not None and not isinstance(widget, qt.QScrollArea):
            widget = widget.parent()
        return widget

    def assert_in_sight(self, widget: Any) -> None:
        """Check that a widget is shown and not scrolled away."""
        assert widget.visible, widget.name
        assert not widget.visibleRegion().isEmpty(), widget.name

    def assert_near(self, label: Any, button: Any) -> None:
        """Check that a label is in sight wherever its button is."""
        area = self.scroll_area(button)
        if area is not None:
            area.ensureWidgetVisible(button)
            slicer.app.processEvents()
        self.assert_in_sight(label)

    def log_lines(self) -> list[str]:
        """Return the lines of Slicer's log."""
        slicer.app.processEvents()
        return Path(slicer.app.errorLogModel().filePath).read_text(errors="replace").splitlines()

    def log_length(self) -> int:
        """Return how many lines Slicer's log has."""
        return len(self.log_lines())
