"""Where the panel exports to, and which files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from CAMLocalizerLib.case_files import EXPORT_FILES
from CAMLocalizerLib.workbench.export_choices import EXPORT_CHOICES, possible_exports


class Database:
    """A DICOM database with the files that it is given."""

    isOpen = True  # noqa: N815  as ctk calls it

    def __init__(self, files: dict[str, Path]) -> None:
        self.files = files

    def fileForInstance(self, uid: str) -> str:  # noqa: N802
        """Return the file of an instance; an empty text if there is none."""
        return str(self.files.get(uid, ""))


@pytest.fixture
def database(widget: Any, node: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Two files of the volume, beside one of another series."""
    import slicer

    folder = tmp_path / "series"
    folder.mkdir()
    for name in ("a", "b", "other"):
        (folder / name).write_bytes(name.encode())
    node.SetAttribute("DICOM.instanceUIDs", "1.2 1.3")
    made = Database({"1.2": folder / "a", "1.3": folder / "b"})
    monkeypatch.setattr(slicer, "dicomDatabase", made, raising=False)
    return made


def boxes(panel: Any) -> dict[str, Any]:
    return panel.controls.export.boxes


def run(panel: Any) -> None:
    panel.ui.runButton.click()
    panel.controls.run.poll_timer.fire()
    panel.controls.run.poll_timer.fire()


@pytest.fixture
def first_session(module: Any) -> None:
    """Slicer remembers nothing."""
    import qt

    qt.QSettings.kept.clear()


def test_at_first_report_and_dicom_results_are_ticked(first_session: None, widget: Any) -> None:
    assert {name for name, box in boxes(widget).items() if box.checked} == {"html", "dicom-seg", "dicom-sr"}


def test_every_export_has_a_check_box_with_words() -> None:
    assert {choice.name for choice in EXPORT_CHOICES} == set(EXPORT_FILES)
    assert all(choice.title and choice.hint.endswith(".") for choice in EXPORT_CHOICES)


def test_dicom_results_are_known_to_need_dicom() -> None:
    from CAMLocalizerLib.cases.exports import EXPORTS

    assert {choice.name for choice in EXPORT_CHOICES if choice.dicom} == {
        name for name, export in EXPORTS.items() if export.dicom
    }
    assert possible_exports(EXPORT_FILES, from_dicom=False) == ("html", "radiomics", "stl")
    assert possible_exports({"stl", "html", "dicom-sr"}, from_dicom=True) == ("html", "stl", "dicom-sr")


def test_of_a_volume_that_is_not_dicom_dicom_results_cannot_be_ticked(reviewing: Any) -> None:
    assert boxes(reviewing)["html"].enabled
    assert not boxes(reviewing)["dicom-seg"].enabled
    assert boxes(reviewing)["dicom-seg"].toolTip == "The volume was not read from DICOM."


def test_what_is_ticked_is_written_and_ticked_the_next_time(
    reviewing: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes(reviewing)["html"].checked = boxes(reviewing)["stl"].checked = True
    reviewing.ui.exportFolderButton.directory = str(tmp_path)
    reviewing.ui.exportButton.click()
    assert {path.name for path in tmp_path.glob("*/*")} >= {"labelmap.nii.gz", "report.html", "surface.stl"}
    import qt

    assert qt.QSettings().value("CAMLocalizer/Exports") == "html stl"
    assert not reviewing.ui.showDicomButton.visible


def test_the_folder_is_that_of_the_volume(widget: Any, node: Any, tmp_path: Path) -> None:
    import slicer

    storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(tmp_path / "scan.nrrd"))
    node.SetAndObserveStorageNodeID(storage.GetID())
    run(widget)
    assert widget.ui.exportFolderButton.directory == str(tmp_path)


def test_without_a_file_the_folder_is_the_one_used_last(widget: Any, tmp_path: Path) -> None:
    import qt

    qt.QSettings().setValue("CAMLocalizer/ExportFolder", str(tmp_path))
    run(widget)
    assert widget.ui.exportFolderButton.directory == str(tmp_path)


def test_a_temporary_folder_is_not_proposed(widget: Any, node: Any, tmp_path: Path) -> None:
    import slicer

    slicer.app.temporaryPath = str(tmp_path)
    storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(tmp_path / "cache" / "sample.nrrd"))
    (tmp_path / "cache").mkdir()
    node.SetAndObserveStorageNodeID(storage.GetID())
    run(widget)
    assert widget.ui.exportFolderButton.directory == str(Path.home())


def test_dicom_results_refer_to_the_files_of_the_series_alone(
    database: Database, reviewing: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, set[bytes]]] = []

    def export(folder: Path, **options: Any) -> Path:
        reference = options["dicom_reference"]
        asked.append((options["exports"], {path.read_bytes() for path in reference.iterdir()}))
        (folder / "segmentation.dcm").touch()
        return folder

    monkeypatch.setattr(reviewing.review, "export", export)
    for name in ("html", "dicom-seg", "dicom-sr"):
        boxes(reviewing)[name].checked = True
    reviewing.ui.exportFolderButton.directory = str(tmp_path)
    reviewing.ui.exportButton.click()
    assert asked == [(("html", "dicom-seg", "dicom-sr"), {b"a", b"b"})]
    assert reviewing.ui.showDicomButton.visible


def test_a_series_that_is_no_longer_there_is_no_reference(database: Database, node: Any) -> None:
    from CAMLocalizerLib.panel.dicom_origin import dicom_files

    assert len(dicom_files(node)) == 2
    database.files["1.3"].unlink()
    assert dicom_files(node) == ()
    database.isOpen = False
    assert dicom_files(node) == ()


def test_exported_dicom_is_shown_in_the_database(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    import slicer

    from CAMLocalizerLib.panel.dicom_origin import show_in_database

    done: list[Any] = []
    utilities = SimpleNamespace(importDicom=lambda *given, **options: done.append((given, options)))
    monkeypatch.setitem(sys.modules, "DICOMLib", SimpleNamespace(DICOMUtils=utilities))
    monkeypatch.setattr(slicer.util, "selectModule", done.append, raising=False)
    show_in_database(tmp_path)
    assert done == [((str(tmp_path), database), {"copyFiles": True}), "DICOM"]


def test_a_refused_export_says_why_beside_its_button(reviewing: Any, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    reviewing.ui.exportFolderButton.directory = str(blocked)
    reviewing.ui.exportButton.click()
    assert str(blocked) in reviewing.ui.exportMessage.text
