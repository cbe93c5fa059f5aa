"""Tests of the work in the desktop: what fits on a screen, names, correction by hand, exports, batch, set-up."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import qt
import slicer
from panel_case import PanelCase

from CAMLocalizerLib import installation
from CAMLocalizerLib.installation import TORCH, PackageState, Requirement
from CAMLocalizerLib.io import read_label_map
from CAMLocalizerLib.panel import translation

TWO_MINUTES = 120
USUAL_PATH = (
    "runButton",
    "probabilityPicture",
    "thresholdMethod",
    "thresholdSpinBox",
    "histogramPicture",
    "thresholdSlider",
    "volumeLabel",
    "scaleCheckBox0",
    "scaleWeight0",
    "componentsTable",
    "undoButton",
    "correctButton",
    "outputSelector",
    "acceptButton",
    "researchLabel",
)
PROBE = "camlocalizer_probe"  # a package that nobody has


class FlowCases(PanelCase):
    """What a radiologist does, from a loaded volume to exported files."""

    def test_everything_of_the_usual_path_fits_on_each_screen(self) -> None:
        """Without scrolling, with Data Probe open."""
        panel = self.review_in_panel()
        for width, height in ((1920, 1080), (1366, 768)):
            self.resize(width, height)
            panel.ui.runSettingsSection.collapsed = height < 1000
            slicer.app.processEvents()
            cut = [name for name in USUAL_PATH if not self.wholly_visible(getattr(panel.ui, name))]
            assert cut == [], f"{width}x{height}, panel of {self.panel_height()} px: {cut}"

    def test_the_run_settings_fold_by_themselves(self) -> None:
        """They are open before a run."""
        panel = self.open_panel()
        panel.ui.runSettingsSection.collapsed = False
        self.run_in(panel)
        assert panel.ui.runSettingsSection.collapsed

    def test_models_devices_and_settings_are_those_of_this_computer_and_volume(self) -> None:
        """Model names are in words and not cut; no device that is not there; no uptake in an MR volume."""
        panel = self.review_in_panel()
        ui = panel.ui
        self.resize(1366, 768)
        ui.runSettingsSection.collapsed = False
        slicer.app.processEvents()
        metrics = qt.QFontMetrics(ui.modelSelector.font)
        texts = [ui.modelSelector.itemText(index) for index in range(ui.modelSelector.count)]
        assert all(" " in text for text in texts), texts
        assert max(metrics.horizontalAdvance(text) for text in texts) < ui.modelSelector.width - 24
        self.wait_until(lambda: panel.setup_page.probe is None and not panel.setup_page.start_timer.active)
        offered = [ui.deviceSelector.itemData(index) for index in range(ui.deviceSelector.count)]
        found = panel.setup_page._devices
        kinds = {device.kind for device in found.devices} if found else {"cpu"}
        assert set(offered) == {"auto", *kinds}
        ui.moreGroup.collapsed = False
        slicer.app.processEvents()
        assert not ui.borderSelector.visible
        assert ui.refinementSelector.visible

    def test_the_accepted_tumour_is_corrected_in_the_segment_editor(self) -> None:
        """It opens on the right segment and volume, and the export holds what was drawn."""
        panel = self.review_in_panel()
        panel.ui.correctButton.click()
        assert slicer.util.selectedModule() == "SegmentEditor"
        editor = slicer.modules.SegmentEditorWidget.editor
        output = panel.workbench.output_node
        assert editor.segmentationNode().GetID() == output.GetID()
        assert editor.sourceVolumeNode().GetID() == self.volume.GetID()
        assert editor.currentSegmentID() == output.GetSegmentation().GetNthSegmentID(0)
        assert not panel.workbench.preview_node.GetDisplayNode().GetVisibility()
        before = self.voxels(output)
        editor.setActiveEffectByName("Margin")
        effect = editor.activeEffect()
        effect.setParameter("MarginSizeMm", 6.5)
        effect.self().onApply()
        assert self.voxels(output) > before
        slicer.util.selectModule("CAMLocalizer")
        assert panel.workbench.preview_node.GetDisplayNode().GetVisibility()
        with tempfile.TemporaryDirectory() as folder:
            panel.ui.exportFolderButton.directory = folder
            panel.ui.exportButton.click()
            (case,) = Path(folder).iterdir()
            assert np.count_nonzero(read_label_map(case / "labelmap.nii.gz").array_kji) == self.voxels(output)

    def test_preview_and_map_are_neither_listed_nor_left_behind(self) -> None:
        """The Data module shows only what is the user's; the nodes go with their volume."""
        panel = self.review_in_panel()
        own = [panel.workbench.preview_node, panel.workbench.activation_node]
        tree = slicer.qMRMLSubjectHierarchyTreeView()
        tree.setMRMLScene(slicer.mrmlScene)
        items = slicer.mrmlScene.GetSubjectHierarchyNode()
        model = tree.sortFilterProxyModel()
        listed = [model.indexFromSubjectHierarchyItem(items.GetItemByDataNode(node)).isValid() for node in own]
        assert listed == [False, False]
        assert model.indexFromSubjectHierarchyItem(items.GetItemByDataNode(self.volume)).isValid()
        ids = [node.GetID() for node in own]
        slicer.mrmlScene.RemoveNode(self.volume)
        self.wait_until(lambda: not panel.clean_timer.active)
        assert [slicer.mrmlScene.GetNodeByID(node_id) for node_id in ids] == [None, None]

    def test_the_export_is_proposed_beside_the_volume_with_what_was_ticked(self) -> None:
        """A volume that was not DICOM has no DICOM results."""
        with tempfile.TemporaryDirectory(dir=Path.home()) as name:
            folder = Path(name)
            assert slicer.util.saveNode(self.volume, str(folder / "scan.nrrd"))
            self.volume = slicer.util.loadVolume(str(folder / "scan.nrrd"))
            panel = self.review_in_panel()
            assert Path(panel.ui.exportFolderButton.directory) == folder
            boxes = panel.controls.export.boxes
            assert not boxes["dicom-seg"].enabled
            boxes["stl"].checked = boxes["html"].checked = True
            panel.ui.exportButton.click()
            written = {path.name for path in folder.glob("*/*")}
            assert written >= {"labelmap.nii.gz", "surface.stl", "report.html"}, panel.ui.exportMessage.text
            assert "segmentation.dcm" not in written

    def test_a_volume_from_dicom_gives_dicom_results(self) -> None:
        """They refer to its series, and the database shows them."""
        from DICOMLib import DICOMUtils

        with tempfile.TemporaryDirectory() as name, DICOMUtils.TemporaryDICOMDatabase(f"{name}/database"):
            self.volume = self.as_dicom(Path(name))
            panel = self.review_in_panel()
            boxes = panel.controls.export.boxes
            boxes["dicom-seg"].checked = boxes["dicom-sr"].checked = True
            panel.ui.exportFolderButton.directory = name
            panel.ui.exportButton.click()
            written = {path.name for path in Path(name).glob("*/*.dcm")}
            assert written >= {"segmentation.dcm", "measurements.dcm"}, panel.ui.exportMessage.text
            assert panel.ui.showDicomButton.visible
            panel.ui.showDicomButton.click()
            assert slicer.util.selectedModule() == "DICOM"
            database = slicer.dicomDatabase
            (patient,) = database.patients()
            (study,) = database.studiesForPatient(patient)
            assert len(database.seriesForStudy(study)) == 3

    def test_a_batch_tells_how_far_it_is_and_loads_a_result(self) -> None:
        """One scan is found, one is damaged."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "scans"
            folder.mkdir()
            shutil.copy(self.volume.GetStorageNode().GetFileName(), folder / "good.nrrd")
            (folder / "damaged.nrrd").write_bytes(b"NRRD0004\n")
            panel = self.open_panel()
            ui = panel.ui
            ui.batchFolderButton.directory = str(folder)
            ui.batchOutputButton.directory = f"{name}/results"
            ui.batchButton.click()
            assert ui.batchTable.rowCount == 2, ui.batchMessage.text
            self.wait_until(lambda: not panel.batch.running, 300)
            assert ui.batchTable.item(0, 2).text() == ""
            assert ui.batchTable.item(1, 2).text().endswith(" ml"), ui.batchTable.item(1, 1).text()
            assert "1 failed" in ui.batchMessage.text
            panel.batch.load(1)
            assert panel.parameter_node.inputVolume.GetName() == "good"
            assert slicer.util.getNode("good result").GetSegmentation().GetNumberOfSegments() > 0

    def test_sentences_of_the_library_are_translated(self) -> None:
        """They come to the panel through Slicer's translation."""
        panel = self.open_panel()
        translation.translated.cache_clear()
        with mock.patch.object(translation, "translate", lambda _context, text: f"<{text}>"):
            panel.ui.inputSelector.setCurrentNode(None)
            assert panel.ui.statusLabel.text == "<Choose a volume first.>"
        translation.translated.cache_clear()

    def test_set_up_says_what_comes_before_it_asks_once(self) -> None:
        """Gigabytes and minutes are told; without consent nothing is installed."""
        panel = self.open_panel()
        missing = (PackageState(TORCH, "", False),)
        with (
            mock.patch.object(installation, "package_states", return_value=missing),
            mock.patch.object(panel.setup_page.installer, "install") as install,
            mock.patch.object(slicer.util, "confirmOkCancelDisplay", return_value=False) as ask,
        ):
            panel.setup_page.check()
            told = panel.ui.setUpLabel.text
            assert "torch" in told
            assert " GB " in told
            assert " min" in told
            panel.ui.installButton.click()
            assert ask.call_count == 1
            assert told in ask.call_args.args[0]
            install.assert_not_called()
        panel.setup_page.check()

    def test_packages_come_from_a_folder_of_wheels_without_a_network(self) -> None:
        """A package of that folder can be imported at once."""
        with tempfile.TemporaryDirectory() as name:
            write_wheel(Path(name))
            panel = self.open_panel()
            panel.setup_page.installer.install((Requirement(PROBE),), Path(name))
            try:
                assert __import__(PROBE).ANSWER == 42
            finally:
                slicer.util.pip_uninstall(PROBE)

    def test_from_a_loaded_volume_to_corrected_and_exported_files_in_two_minutes(self) -> None:
        """By buttons that are in sight, one after the other."""
        begin = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            panel = self.review_in_panel()
            panel.ui.thresholdSlider.value = 35
            self.flush_to_disk(panel)
            panel.ui.correctButton.click()
            slicer.util.selectModule("CAMLocalizer")
            panel.ui.exportFolderButton.directory = folder
            panel.ui.exportButton.click()
            (case,) = Path(folder).iterdir()
            assert json.loads((case / "report.json").read_text())["settings"]["review"]["accepted"]
        assert time.monotonic() - begin < TWO_MINUTES

    def resize(self, width: int, height: int) -> None:
        """Give the window the size of a screen, with Data Probe open."""
        window = slicer.util.mainWindow()
        window.showNormal()
        window.resize(width, height)
        slicer.util.findChild(window, "DataProbeCollapsibleWidget").collapsed = False
        for _ in range(5):
            slicer.app.processEvents()
            time.sleep(0.05)

    def panel_height(self) -> int:
        """Return the height of the area in which Slicer shows the panel."""
        area = slicer.util.findChild(slicer.util.mainWindow(), "ModulePanel")
        return int(slicer.util.findChild(area, "ScrollArea").viewport().height)

    def wholly_visible(self, widget: Any) -> bool:
        """Whether no part of a widget is scrolled out of view."""
        seen = widget.visibleRegion().boundingRect()
        return bool(widget.visible) and seen.width() == widget.width and seen.height() == widget.height

    def voxels(self, segmentation: Any) -> int:
        """Return how many voxels the first segment has."""
        segment_id = segmentation.GetSegmentation().GetNthSegmentID(0)
        array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, self.volume)
        return int(np.count_nonzero(array))

    def as_dicom(self, folder: Path) -> Any:
        """Return the sample volume as Slicer loads it from the DICOM database."""
        import DICOMScalarVolumePlugin
        from DICOMLib import DICOMUtils

        items = slicer.mrmlScene.GetSubjectHierarchyNode()
        patient = items.CreateSubjectItem(items.GetSceneItemID(), "Sample")
        study = items.CreateStudyItem(patient, "Study")
        item = items.GetItemByDataNode(self.volume)
        items.SetItemParent(item, study)
        plugin = DICOMScalarVolumePlugin.DICOMScalarVolumePluginClass()
        (exportable, *_others) = plugin.examineForExport(item)
        (folder / "series").mkdir()
        exportable.directory = str(folder / "series")
        exportable.setTag("PatientID", "sample")
        exportable.setTag("PatientName", "Sample")
        exportable.setTag("Modality", "MR")
        error = plugin.export([exportable])
        assert not error, error
        DICOMUtils.importDicom(str(folder / "series"))
        slicer.mrmlScene.Clear()
        (node_id,) = DICOMUtils.loadPatientByUID(slicer.dicomDatabase.patients()[0])
        return slicer.mrmlScene.GetNodeByID(node_id)


def write_wheel(folder: Path) -> None:
    """Write a wheel of one module."""
    with zipfile.ZipFile(folder / f"{PROBE}-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{PROBE}.py", "ANSWER = 42\n")
        information = f"{PROBE}-1.0.dist-info"
        archive.writestr(f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {PROBE}\nVersion: 1.0\n")
        archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{information}/RECORD", "")
