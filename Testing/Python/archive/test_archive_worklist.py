"""A worklist of studies of a real Orthanc: listed, searched, fetched, and answered with segmentation and report."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest

from CAMLocalizerLib.archive.address import ArchiveAddress
from CAMLocalizerLib.archive.errors import AlreadyAnsweredError, ArchiveError, NoSuitableSeriesError
from CAMLocalizerLib.archive.request import ArchiveRequest, StudyOptions, study_case_name
from CAMLocalizerLib.archive.search_terms import replaced_conditions, search_terms
from CAMLocalizerLib.archive.sending import SENT_EXPORTS
from CAMLocalizerLib.archive.study import StudyRunner
from CAMLocalizerLib.cases.loop import open_localizer
from CAMLocalizerLib.cli import main
from CAMLocalizerLib.core import Grid, InputError, SettingsError
from CAMLocalizerLib.io import read_volume, write_nifti
from CAMLocalizerLib.localizer import LabelSettings, RunOptions
from CAMLocalizerLib.review.worklist_options import WorklistOptions
from CAMLocalizerLib.workbench import Review
from CAMLocalizerLib.worklist import Answer, ArchiveSource, Case, WorklistStore, export_labels

SECRETS = ("Secret", "Doe")


@pytest.fixture
def source(server, bundle, study_uid, tmp_path) -> Callable[..., ArchiveSource]:
    """Open the studies whose UID begins as that of the test."""

    def opened(*query: str, root: Path = tmp_path / "reviewed", **options: Any) -> ArchiveSource:
        return ArchiveSource(request_of(server, study_uid, *query), root, bundle.card, **options)

    return opened


def request_of(server, study_uid, *query) -> ArchiveRequest:
    query = query or (f"AccessionNumber={study_uid[-16:]}",)
    return ArchiveRequest(ArchiveAddress.parse(server.address), StudyOptions(query=query))


def of_listed(listed) -> Case:
    return Case(1, listed.key, listed.name, listed.file)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_a_reader_types_becomes_conditions():
    terms = search_terms(date=" 2026-01-01 - 2026-01-31", modality="mr", description="head", number="A7.1x")
    assert terms == (
        "StudyDate=20260101-20260131",
        "Modality=MR",
        "StudyDescription=*head*",
        "AccessionNumber=A7.1x",
    )
    assert search_terms(description="he?d*", number="1.2.840.7", date="20260101-") == (
        "StudyDate=20260101-",
        "StudyDescription=he?d*",
        "StudyInstanceUID=1.2.840.7",
    )
    assert search_terms(number="1234") == ("AccessionNumber=1234",)
    assert search_terms() == ()
    with pytest.raises(SettingsError, match="must be like 20260131 or 20260101-20260131, got 'January'"):
        search_terms(date="January ")
    assert replaced_conditions(["Modality=MR", "StudyDate=2026"], ["Modality=PT"]) == ("Modality=PT", "StudyDate=2026")


def test_studies_are_cases_without_names_and_their_images_do_not_stay(
    server, store_series, study_uid, source, tmp_path
):
    accession = {"AccessionNumber": study_uid[-16:], "PatientID": "SecretID", "PatientName": "Doe^Jane"}
    store_series(server, study_uid, 1, description="AX T2", **accession)
    paths = store_series(server, study_uid, 2, **accession)
    store_series(server, f"{study_uid}.7", 1, **accession)
    store_series(server, f"{study_uid}.8", 1, **(accession | {"PatientID": "Secret2"}))
    studies = source()
    leftover = tmp_path / "reviewed" / f".{study_case_name(study_uid)}.{_gone()}.partial"
    (leftover / "images").mkdir(parents=True)
    listed = {case.key: case for case in studies.list_cases({}, "salt")}
    assert not leftover.exists()
    assert set(listed) == {study_uid, f"{study_uid}.7", f"{study_uid}.8"}
    assert listed[study_uid].name == study_case_name(study_uid)
    patients = [listed[uid].patient for uid in (study_uid, f"{study_uid}.7", f"{study_uid}.8")]
    assert patients[0] == patients[1] != patients[2]
    assert not any(secret in str(listed) for secret in SECRETS)

    volume = studies.read(of_listed(listed[study_uid]))
    np.testing.assert_array_equal(volume.array_kji, read_volume(paths[0].parent).array_kji)
    assert volume.name == listed[study_uid].name
    assert any("series 2 was chosen from 2 series: MR, T1" in note for note in volume.notes)
    assert files_in(tmp_path / "reviewed") == []


def _gone() -> str:
    """Name a process that does not run, as temporary names do."""
    import subprocess
    import sys

    from CAMLocalizerLib.io.leftovers import _host

    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return f"{_host()}-{process.pid}-0123abcd"


def test_a_search_takes_the_place_of_the_last_one_and_one_without_result_changes_nothing(
    server, store_series, study_uid, source
):
    accession = {"AccessionNumber": study_uid[-16:]}
    for ending, day in (("", "20260101"), (".7", "20260102"), (".8", "20260203")):
        store_series(server, f"{study_uid}{ending}", 1, StudyDate=day, StudyDescription=f"MR head {day}", **accession)
    studies = source()

    def found(**fields):
        return {case.key for case in studies.search(search_terms(**fields), "salt")}

    assert found(date="20260101-20260131") == {study_uid, f"{study_uid}.7"}
    assert found(description="HEAD 2026020") == {f"{study_uid}.8"}
    with pytest.raises(InputError, match="no study of the archive fits the query"):
        found(modality="PT")
    assert {case.key for case in studies.list_cases({}, "salt")} >= {f"{study_uid}.8"}
    assert {case.key for case in studies.list_cases({}, "salt")} == {f"{study_uid}.8"}
    assert found(number=f"{study_uid}.7") == {f"{study_uid}.7"}


def test_what_cannot_be_read_is_told_without_folders_and_names(server, store_series, study_uid, source, tmp_path):
    accession = {"AccessionNumber": study_uid[-16:], "PatientID": "SecretID"}
    store_series(server, study_uid, 1, description="AX T2", **accession)
    studies = source()
    (listed,) = studies.list_cases({}, "salt")
    with pytest.raises(NoSuitableSeriesError, match="no series suits the model"):
        studies.read(of_listed(listed))
    with pytest.raises(InputError, match="its images were not read yet"):
        studies.send(of_listed(listed), lambda _folder: tmp_path)
    server.delete_study(study_uid)
    with pytest.raises(ArchiveError, match="the study is not there; it may have been deleted"):
        studies.read(of_listed(listed))


def test_a_review_is_sent_as_what_a_batch_recognises_unless_settings_were_changed(
    server, store_series, study_uid, source, bundle, connect, tmp_path
):
    store_series(server, study_uid, 1, AccessionNumber=study_uid[-16:], PatientID="SecretID", PatientName="Doe^Jane")
    studies, archive, root = source(), connect(server), tmp_path / "reviewed"
    (listed,) = studies.list_cases({}, "salt")
    case, asked = of_listed(listed), RunOptions(model=str(bundle.folder), device="cpu")
    volume = studies.read(case)
    localizer = open_localizer(asked, LabelSettings())
    review = Review(localizer.run(volume))
    runner = StudyRunner(archive, localizer, asked, LabelSettings(), StudyOptions())

    def send(options):
        result = review.result()
        studies.send(
            case,
            lambda series: result.export(
                root, "out", overwrite=True, exports=SENT_EXPORTS, asked=options, dicom_reference=series
            ),
        )

    review.set_threshold("0.3")
    send(asked)
    assert runner.choose(study_uid).series.uid == f"{study_uid}.1"
    review.undo()
    if len(review.components) > 1:
        review.reject_component(review.components[-1].label)
    send(asked)
    with pytest.raises(AlreadyAnsweredError):
        runner.choose(study_uid)
    found = {entry["00080060"]["Value"][0]: entry["0020000E"]["Value"][0] for entry in archive.series(study_uid)}
    assert set(found) == {"MR", "SEG", "SR"}
    stored = list(_segmentations(archive, study_uid))
    assert sorted(int(seg.pixel_array.sum()) for seg in stored)[0] == int(review.result_label_map.array_kji.sum())
    told = "".join(path.read_text(errors="replace") for path in root.rglob("*.json"))
    assert not any(secret in told for secret in SECRETS)
    assert {path.name for path in root.iterdir()} == {"out"}

    server.delete_study(study_uid)
    with pytest.raises(ArchiveError, match=r"may have been deleted|is not there"):
        send(asked)
    assert archive.series(study_uid) == []


def _segmentations(archive, study):
    for entry in archive.series(study):
        if entry["00080060"]["Value"][0] == "SEG":
            for dataset in archive.stream_series(study, entry["0020000E"]["Value"][0]):
                stored = BytesIO()
                dataset.save_as(stored)
                stored.seek(0)
                yield highdicom.seg.segread(stored)


def test_a_worklist_of_an_archive_is_no_other_and_its_labels_say_where_images_belong(
    server, store_series, study_uid, bundle, tmp_path
):
    accession = {"AccessionNumber": study_uid[-16:], "PatientID": "SecretID", "PatientName": "Doe^Jane"}
    store_series(server, study_uid, 1, StudyDate="20260101", **accession)
    store_series(server, f"{study_uid}.7", 1, StudyDate="20260102", **accession)
    root = tmp_path / "reviewed"
    wanted = WorklistOptions(root, archive=request_of(server, study_uid), model=str(bundle.folder), reader="anna")
    opened = wanted.open_worklist()
    first, second = opened.store.order()
    opened.store.set_answer(first, Answer().with_tumour(True, "glioma"))
    opened.store.list_anew(opened.source.search(search_terms(number=opened.store.case(second).key), "salt"))
    assert opened.store.order() == [second]
    opened.store.close()
    path, labels = export_labels(root)
    assert any("the images lie in an archive" in note for note in labels.notes)
    with path.open() as stream:
        (row,) = csv.DictReader(stream)
    assert row["file"].startswith("../images/study-")
    everything = b"".join(path.read_bytes() for path in files_in(root))
    assert not any(secret.encode() in everything for secret in SECRETS)

    write_nifti(np.eye(3, dtype=np.float32)[None], Grid((3, 3, 1), (1, 1, 1), (0, 0, 0), np.eye(3)), root / "a.nii.gz")
    with pytest.raises(InputError, match=f"is the worklist of the archive {server.url}; open it by its address"):
        WorklistOptions(root).open_worklist()
    reopened = wanted.open_worklist()
    assert reopened.store.counts().answered == 1
    reopened.store.close()
    nothing = replace(wanted, given=tmp_path / "none", archive=request_of(server, study_uid, "StudyDate=18000101"))
    with pytest.raises(InputError, match="no study of the archive fits the query"):
        nothing.open_worklist()
    assert not (tmp_path / "none").exists()
    files = WorklistStore(tmp_path / "scans" / "worklist", "anna")
    files.list_anew([opened.source.list_cases({}, "")[0]])
    files.close()
    with pytest.raises(InputError, match="is the worklist of files; give another --output"):
        replace(wanted, given=tmp_path / "scans").open_worklist()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["dicomweb+https://localhost:1/dicom-web"], "needs --output DIR"),
        (["dicomweb+http://pacs.example.org/dicom-web", "--output", "out"], "would travel unencrypted"),
        (["dicomweb+https://me:word@localhost:1/x", "--output", "out"], "must not contain a user or password"),
        (["dicomweb+https://localhost:1/x", "--output", "out", "--folder", "in"], "--folder is for files"),
        (["dicomweb+https://localhost:1/x/studies/1.2", "--output", "out"], "--query StudyInstanceUID=UID"),
        (["scan.nii.gz", "--output", "out"], "--output is for an archive"),
        (["scan.nii.gz", "--query", "Modality=MR"], "--query is for a DICOMweb archive"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments, sentence, tmp_path, monkeypatch, capfd):
    pytest.importorskip("trame_slicer", reason="trame-slicer is not installed")
    monkeypatch.chdir(tmp_path)
    assert main(["review", "--no-browser", *arguments]) == 2
    told = capfd.readouterr().err
    assert sentence in told
    assert "word" not in told.replace("password", "")
    assert list(tmp_path.glob("out*")) == []
