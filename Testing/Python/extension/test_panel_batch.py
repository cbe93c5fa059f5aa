"""A batch in the panel: which scans, how far it is, what failed, and a result by double click."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, LabelMap
from CAMLocalizerLib.io import write_nifti, write_segmentation
from CAMLocalizerLib.workbench.scripting.folders import FolderRow
from CAMLocalizerLib.workbench.session.run_status import RunStatus, under_way

GRID = Grid((6, 5, 4), (1.0, 1.5, 3.0), (-3.0, 2.0, 1.0), np.eye(3))
PET_STATUS = under_way(3, 9, None, "3 of 9 slices")


def write_scan(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_nifti(np.random.default_rng(1).normal(50, 5, GRID.shape_kji).astype(np.float32), GRID, path)


def write_result(folder: Path) -> None:
    folder.mkdir(parents=True)
    mask = np.zeros(GRID.shape_kji, np.uint8)
    mask[1:3, 1:3, 1:3] = 1
    write_segmentation(LabelMap(mask, GRID, ("tumour",)), folder / "segmentation.seg.nrrd")
    (folder / "report.json").write_text("{}")


class Work:
    """One scan per poll, after a look at how far it is; the scan ``bad`` fails."""

    def __init__(self, cases: Any, output: Path, **options: Any) -> None:
        self.cases, self.output, self.options = list(cases), output, options
        self.rows: list[FolderRow] = []
        self.cancelled = self._looked = False

    def poll(self) -> RunStatus:
        """Be half way through a scan, or complete it."""
        self._looked = not self._looked
        if self._looked:
            return PET_STATUS
        case = self.cases[len(self.rows)]
        if "bad" in case.path.name:
            self.rows.append(FolderRow(case.path, None, f"{case.path}: no such folder"))
        else:
            write_result(case.folder)
            self.rows.append(FolderRow(case.path, case.folder, tumour_found=True, volume_ml=2.345, components=2))
        over = len(self.rows) == len(self.cases)
        return RunStatus("done", sentence="2 of 3 volumes done, 1 failed") if over else PET_STATUS

    def cancel(self) -> None:
        """Remember that it was cancelled."""
        self.cancelled = True


@pytest.fixture
def batch(widget: Any, tmp_path: Path) -> Iterator[Any]:
    """The panel's batch, with three scans in a folder."""
    for name in ("bad.nii.gz", "one_T1.nii.gz", "more/two_T1.nii.gz"):
        write_scan(tmp_path / "scans" / name)
    made = widget.batch
    made._process = Work
    widget.ui.batchFolderButton.directory = str(tmp_path / "scans")
    yield SimpleNamespace(controls=made, ui=widget.ui, panel=widget, output=tmp_path / "scans" / "CAMLocalizer results")
    made.close()


def rows(batch: Any) -> list[tuple[str, str, str]]:
    table = batch.ui.batchTable
    return [tuple(table.item(row, column).text() for column in range(3)) for row in range(table.rowCount)]


def run_to_the_end(batch: Any) -> None:
    batch.ui.batchButton.click()
    while batch.controls.running:
        batch.controls.poll_timer.fire()


def test_without_a_folder_no_batch_can_be_started(widget: Any) -> None:
    assert not widget.ui.batchButton.enabled
    assert widget.ui.batchButton.toolTip == "Choose the folder of the scans first."


def test_results_are_proposed_beside_the_scans(batch: Any) -> None:
    assert batch.ui.batchOutputButton.directory == str(batch.output)
    assert batch.ui.batchButton.enabled


def test_the_table_tells_progress_results_and_failures(batch: Any, tmp_path: Path) -> None:
    batch.ui.batchButton.click()
    assert rows(batch) == [
        ("bad.nii.gz", "waits", ""),
        ("more/two_T1.nii.gz", "waits", ""),
        ("one_T1.nii.gz", "waits", ""),
    ]
    assert batch.ui.batchButton.text == "Cancel"
    batch.controls.poll_timer.fire()
    assert rows(batch)[0][1] == "3 of 9 slices"
    assert (batch.ui.batchProgress.visible, batch.ui.batchProgress.format) == (True, "0 of 3 scans")
    while batch.controls.running:
        batch.controls.poll_timer.fire()
    assert rows(batch)[1:] == [
        ("more/two_T1.nii.gz", "2 components", "2.35 ml"),
        ("one_T1.nii.gz", "2 components", "2.35 ml"),
    ]
    assert rows(batch)[0] == ("bad.nii.gz", f"{tmp_path / 'scans' / 'bad.nii.gz'}: no such folder", "")
    assert batch.ui.batchMessage.text == "2 of 3 volumes done, 1 failed"
    assert (batch.ui.batchButton.text, batch.ui.batchProgress.visible) == ("Find tumours in all", False)


def test_the_work_gets_what_was_chosen(batch: Any) -> None:
    batch.panel.controls.export.boxes["stl"].checked = True
    batch.ui.batchButton.click()
    options = batch.controls.work.options
    assert (options["model"], options["device"], options["overwrite"]) == ("brain-t1ce", "auto", False)
    assert options["exports"] == ("stl",)
    assert batch.controls.work.output == batch.output


def test_a_pattern_leaves_scans_out(batch: Any) -> None:
    batch.ui.batchPattern.text = "*_T1*"
    batch.ui.batchButton.click()
    assert [row[0] for row in rows(batch)] == ["more/two_T1.nii.gz", "one_T1.nii.gz"]


def test_a_pattern_that_fits_nothing_is_told(batch: Any) -> None:
    batch.ui.batchPattern.text = "*_FLAIR*"
    batch.ui.batchButton.click()
    assert "that fits *_FLAIR*" in batch.ui.batchMessage.text
    assert not batch.controls.running


def test_scans_that_have_results_are_not_run_again_unless_they_are_to_be_replaced(batch: Any) -> None:
    run_to_the_end(batch)
    batch.ui.batchButton.click()
    assert [row[1] for row in rows(batch)] == ["waits", "has results", "has results"]
    assert len(batch.controls.work.cases) == 1
    batch.ui.batchButton.click()
    batch.ui.batchOverwrite.checked = True
    batch.ui.batchButton.click()
    assert len(batch.controls.work.cases) == 3


def test_a_cancelled_batch_keeps_complete_results(batch: Any) -> None:
    batch.ui.batchButton.click()
    for _ in range(4):
        batch.controls.poll_timer.fire()
    work = batch.controls.work
    batch.ui.batchButton.click()
    assert work.cancelled
    assert batch.ui.batchMessage.text == "Cancelled. Results that are complete were kept."
    assert (batch.output / "more-two_T1" / "report.json").is_file()
    assert rows(batch)[2][1] == ""


def test_a_double_click_loads_scan_and_segmentation_once(batch: Any, application: Any) -> None:
    import slicer

    shown: list[Any] = []
    slicer.util.setSliceViewerLayers = lambda **given: shown.append(given["background"].GetName())
    run_to_the_end(batch)
    batch.ui.batchTable.emit("cellDoubleClicked(int,int)", 1, 0)
    assert batch.panel.parameter_node.inputVolume.GetName() == "two_T1"
    segmentation = application.scene.GetFirstNodeByName("two_T1 result")
    assert segmentation.GetSegmentation().GetNumberOfSegments() == 1
    count = application.scene.GetNumberOfNodes()
    batch.ui.batchTable.emit("cellDoubleClicked(int,int)", 1, 0)
    assert application.scene.GetNumberOfNodes() == count
    assert shown == ["two_T1", "two_T1"]


def test_a_double_click_on_a_scan_without_result_says_so(batch: Any) -> None:
    run_to_the_end(batch)
    batch.ui.batchTable.emit("cellDoubleClicked(int,int)", 0, 0)
    assert batch.ui.batchMessage.text == "bad.nii.gz has no result yet."


def test_while_a_batch_runs_no_volume_is_run(batch: Any) -> None:
    batch.ui.batchButton.click()
    assert batch.ui.runButton.toolTip == "A batch is running; cancel it first."
    batch.ui.batchButton.click()
    assert batch.ui.runButton.enabled


def test_while_a_volume_is_run_no_batch_is_started(batch: Any) -> None:
    batch.ui.runButton.click()
    batch.ui.batchButton.click()
    assert batch.ui.batchMessage.text == "The classifier is running; cancel it first."
    assert not batch.controls.running


def test_a_closed_panel_cancels_its_batch(batch: Any) -> None:
    batch.ui.batchButton.click()
    work = batch.controls.work
    batch.panel.close()
    assert work.cancelled


def test_dicom_is_named_without_whose_it_is(tmp_path: Path, module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from CAMLocalizerLib.io.discovery import FoundVolume
    from CAMLocalizerLib.panel import batch_scans

    (tmp_path / "DOE^JANE").mkdir()
    found = FoundVolume(tmp_path / "DOE^JANE", "1.2.3", dicom=True)
    monkeypatch.setattr("CAMLocalizerLib.batch.source.find_volumes", lambda *_, **__: (found,))
    (scan,) = batch_scans.find_scans(tmp_path, tmp_path / "out", "*")
    assert scan.title.startswith("series-")
    assert scan.case.folder.parent == tmp_path / "out"
    assert scan.case.series == "1.2.3"
