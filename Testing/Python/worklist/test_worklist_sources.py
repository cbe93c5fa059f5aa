"""Where cases come from: folders of scans and results of a batch; patients without names."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from dicom_series import write_series
from pydicom.dataset import Dataset

from CAMLocalizerLib.core import Grid, InputError, OptionError, SettingsError
from CAMLocalizerLib.io import write_nifti
from CAMLocalizerLib.localizer import LabelSettings
from CAMLocalizerLib.worklist import BatchSource, Case, FolderSource, is_batch

SETTINGS = LabelSettings("0.3", (1,), ((1, 1.0),), "volume", 0.5, 0.0, 1, "none", 0.0, 0.0, "")
GRID = Grid((4, 5, 3), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0), np.eye(3))


def scan(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_nifti(np.arange(60, dtype=np.float32).reshape(3, 5, 4), GRID, path)
    return path


def test_the_scans_of_a_tree_are_listed_and_not_what_a_worklist_holds(tmp_path: Path) -> None:
    for name in ("b.nii.gz", "site/sub-07/ses-1/t1.nii.gz", "site/a.nii.gz", "worklist/x.nii.gz"):
        scan(tmp_path / name)
    source = FolderSource(tmp_path)
    listed = source.list_cases({}, "salt")
    assert [(case.key, case.name, case.patient) for case in listed] == [
        ("b.nii.gz", "b", "b"),
        ("site/a.nii.gz", "site-a", "site"),
        ("site/sub-07/ses-1/t1.nii.gz", "site-sub-07-ses-1-t1", "sub-07"),
    ]
    volume = source.read(Case(1, "b.nii.gz", "b", "b.nii.gz"))
    assert volume.grid.matches(GRID)


def test_pictures_count_where_there_is_no_volume(tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(tmp_path / "0001.png")
    assert [case.file for case in FolderSource(tmp_path).list_cases({}, "")] == ["0001.png"]
    scan(tmp_path / "a.nii.gz")
    assert [case.file for case in FolderSource(tmp_path).list_cases({}, "")] == ["a.nii.gz"]


def test_an_expression_tells_the_patient(tmp_path: Path) -> None:
    for name in ("P01_Pre.nii.gz", "P01_Post.nii.gz", "other.nii.gz"):
        scan(tmp_path / name)
    listed = FolderSource(tmp_path, patient=r"(P\d+)_").list_cases({}, "")
    assert {case.name: case.patient for case in listed} == {"P01_Pre": "P01", "P01_Post": "P01", "other": "other"}
    with pytest.raises(OptionError, match="needs a group"):
        FolderSource(tmp_path, patient="P01")
    with pytest.raises(OptionError, match="must be a regular expression"):
        FolderSource(tmp_path, patient="(P01")


def of_jane(header: Dataset, _k: int) -> None:
    header.PatientName, header.PatientID = "Doe^Jane", "12345"


def test_dicom_cases_are_known_by_their_series_and_patients_by_a_pseudonym(tmp_path: Path) -> None:
    for name in ("Doe^Jane one", "Doe^Jane two"):
        write_series(tmp_path / name, np.arange(60, dtype=np.uint16).reshape(3, 5, 4), GRID, patch=of_jane)
    listed = FolderSource(tmp_path).list_cases({}, "salt")
    assert len({case.key for case in listed}) == len(listed) == 2
    assert len({case.patient for case in listed}) == 1
    told = " ".join(f"{case.key} {case.name} {case.patient}" for case in listed)
    assert not any(word in told for word in ("Doe", "Jane", "12345"))
    assert FolderSource(tmp_path).list_cases({}, "other salt")[0].patient != listed[0].patient


def test_a_folder_without_scans_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no NRRD"):
        FolderSource(tmp_path).list_cases({}, "")
    with pytest.raises(InputError, match="no such folder"):
        FolderSource(tmp_path / "nowhere")


def batch(tmp_path: Path, archive: Path) -> Path:
    """Make the files of a batch of two cases, of which one failed."""
    results = tmp_path / "results"
    (results / "a").mkdir(parents=True)
    plan = {"model": "tiny", "view": "auto", "map": None, "precision": "float32", "batch_size": 8, "unit": None}
    plan["input_path_sha256"] = hashlib.sha256(os.fsencode(archive.resolve())).hexdigest()
    (results / "batch.json").write_text(json.dumps(plan))
    (results / "cases.csv").write_text("case,file,series\na,a.nii.gz,\nb,b.nii.gz,\n")
    report = {
        "model": {"name": "tiny", "version": "1", "sha256": "ab"},
        "tumour_found": True,
        "volume_probability": 0.75,
        "class_probabilities": {"glioma": 0.3, "meningioma": 0.7},
        "components": [{"volume_mm3": 1500.0}, {"volume_mm3": 500.0}],
        "probabilities": [{"classes": {"none": 0.25, "glioma": 0.2, "meningioma": 0.55}}],
        "label_settings": SETTINGS.to_json(),
    }
    (results / "a" / "report.json").write_text(json.dumps(report))
    (results / "a" / "overview.png").touch()
    return results


def test_the_results_of_a_batch_bring_what_it_found_and_how(tmp_path: Path) -> None:
    archive = scan(tmp_path / "archive" / "a.nii.gz").parent
    results = batch(tmp_path, archive)
    assert is_batch(results)
    assert not is_batch(archive)
    source = BatchSource(results)
    first, second = source.list_cases({}, "")
    finding = first.finding
    assert (source.root, source.model) == (archive.resolve(), "tiny")
    assert (finding.probability, finding.volume_ml, finding.type, finding.tumour) == (0.75, 2.0, "meningioma", True)
    assert finding.uncertainty == pytest.approx(0.5)
    assert (finding.classes, finding.tumour_classes) == (("none", "glioma", "meningioma"), ("glioma", "meningioma"))
    assert (second.name, second.finding) == ("b", None)
    case = Case(1, first.key, first.name, first.file)
    assert source.read(case).grid.matches(GRID)
    assert source.settings(case) == SETTINGS
    assert source.settings(Case(2, "b.nii.gz", "b", "b.nii.gz")) is None
    assert source.picture(case) == results.resolve() / "a" / "overview.png"


def test_an_archive_elsewhere_has_to_be_named(tmp_path: Path) -> None:
    archive = scan(tmp_path / "archive" / "a.nii.gz").parent
    results = batch(tmp_path, archive)
    moved = tmp_path / "moved"
    archive.rename(moved)
    with pytest.raises(InputError, match="give the folder of scans with --folder"):
        BatchSource(results)
    assert BatchSource(results, moved).root == moved.resolve()
    (results / "batch.json").write_text("{}")
    with pytest.raises(InputError, match="does not name a model"):
        BatchSource(results, moved)


def test_reader_and_patient_are_for_folders(tmp_path: Path) -> None:
    from argparse import Namespace

    from CAMLocalizerLib.cli.review import _volume

    options = Namespace(file=tmp_path / "a.nii.gz", reader="anna", patient="")
    with pytest.raises(SettingsError, match="--reader is for a folder of scans"):
        _volume(options)


def test_one_dicom_series_is_reviewed_by_itself_and_other_folders_as_a_worklist(tmp_path: Path) -> None:
    from CAMLocalizerLib.review.worklist_options import is_worklist

    stored = np.arange(60, dtype=np.uint16).reshape(3, 5, 4)
    one = tmp_path / "one"
    write_series(one / "series", stored, GRID)
    assert not is_worklist(one)
    assert not is_worklist(one / "series")
    write_series(one / "other", stored, GRID)
    assert is_worklist(one)
    assert is_worklist(scan(tmp_path / "scans" / "a.nii.gz").parent)
    assert not is_worklist(tmp_path / "scans" / "a.nii.gz")
    assert is_worklist(batch(tmp_path, tmp_path / "scans"))
