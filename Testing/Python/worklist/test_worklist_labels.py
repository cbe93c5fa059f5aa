"""The table for training: read back by training itself, several readers, and what is left out."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worklist_samples import CLASSES, finding, listed

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.training.checks import Problems
from CAMLocalizerLib.training.config import DataOptions
from CAMLocalizerLib.training.table import Row, read_table
from CAMLocalizerLib.worklist import Answer, Judgement, WorklistStore, export_labels, make_labels, write_labels

TYPES = ("glioma", "meningioma")
READERS = ("anna", "ben", "cleo")


def judged(case: str, reader: str, tumour: bool, kind: str = "", **more) -> Judgement:
    file = more.pop("file", f"{case}.nii.gz")
    return Judgement(case, case, file, patient=f"p-{case}", reader=reader, tumour=tumour, type=kind, **more)


def trained(folder: Path, table: Path) -> list[Row]:
    """Read the table as training does, whose problems fail the test; a single label is no problem here."""
    problems = Problems()
    rows = read_table(table, folder, DataOptions(table.name), problems, fewest_labels=1)
    assert list(problems.sentences) == []
    return rows


votes = st.lists(
    st.tuples(
        st.integers(0, 4),  # case
        st.sampled_from(READERS),
        st.sampled_from(["none", "tumour", *TYPES]),
        st.one_of(st.none(), st.integers(0, 3)),  # slice
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda vote: (vote[0], vote[1], vote[3]),
)


@settings(max_examples=60, deadline=None)
@given(votes)
def test_training_reads_the_majority_of_any_answers(said: list[tuple[int, str, str, int | None]]) -> None:
    judgements = [
        judged(
            f"c{case}",
            reader,
            label != "none",
            label if label in TYPES else "",
            slice=index,
            view="" if index is None else "axial",
        )
        for case, reader, label, index in said
    ]
    expected = expected_labels(said)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for case in range(5):
            (folder / f"c{case}.nii.gz").touch()
        if not expected:
            with pytest.raises(InputError, match="no answer about a tumour"):
                make_labels(judgements, folder, folder, classes=CLASSES, tumour_classes=TYPES)
            return
        labels = make_labels(judgements, folder, folder, classes=CLASSES, tumour_classes=TYPES)
        write_labels(labels, folder / "labels.csv")
        rows = trained(folder, folder / "labels.csv")
    assert {(row.path.name[:2], row.slice): row.label for row in rows} == expected
    assert all(row.patient == f"p-{row.path.name[:2]}" for row in rows)


def expected_labels(said: list[tuple[int, str, str, int | None]]) -> dict[tuple[str, int | None], str]:
    """Count votes one by one."""
    sliced = {case for case, _, _, index in said if index is not None}
    counted = [vote for vote in said if vote[3] is not None or vote[0] not in sliced]
    by_place: dict[tuple[str, int | None], list[str]] = {}
    for case, _, label, index in counted:
        by_place.setdefault((f"c{case}", index), []).append(label)
    tumours = {place: labels for place, labels in by_place.items() if 2 * labels.count("none") < len(labels)}
    nones = {place for place, labels in by_place.items() if 2 * labels.count("none") > len(labels)}
    expected = dict.fromkeys(nones, "none")
    if any(labels.count("glioma") + labels.count("meningioma") == 0 for labels in tumours.values()):
        return expected | dict.fromkeys(tumours, "tumour")
    for place, labels in tumours.items():
        gliomas, meningiomas = labels.count("glioma"), labels.count("meningioma")
        if gliomas != meningiomas:
            expected[place] = "glioma" if gliomas > meningiomas else "meningioma"
    return expected


def test_a_worklist_is_exported_with_the_models_own_class_names(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    store = WorklistStore(scans / "worklist", "anna")
    store.list_anew(listed(0.9, 0.1, 0.7))
    store.record_finding(1, finding(0.9))
    store.set_fact("root", "..")
    store.set_answer(1, Answer().with_tumour(True, "glioma"))
    store.set_answer(2, Answer().with_tumour(False))
    store.set_slice(3, "coronal", 4, Answer().with_tumour(True, "meningioma"))
    store.close()
    for name in "abc":
        (scans / f"{name}.nii.gz").touch()
    path, labels = export_labels(scans, tmp_path / "labels.csv")
    rows = trained(tmp_path, path)
    assert [(row.file, row.label, row.patient, row.slice, row.view) for row in rows] == [
        ("scans/a.nii.gz", "glioma", "a", None, ""),
        ("scans/b.nii.gz", "none", "b", None, ""),
        ("scans/c.nii.gz", "meningioma", "c", 4, "coronal"),
    ]
    assert labels.summary() == "3 labels of 3 patients: 1 glioma, 1 meningioma, 1 none"
    text = path.read_text()
    assert "anna" in text
    assert next(csv.DictReader(text.splitlines()))["tumour"] == "yes"


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    labels = make_labels(
        [
            judged("a", "anna", True),
            judged("b", "anna", True),
            judged("b", "ben", False),
            judged("c", "anna", True, listed=False),
            judged("d", "anna", True, file="dicom", series="1"),
            judged("e", "anna", True, file="dicom", series="2"),
        ],
        tmp_path,
        tmp_path,
    )
    assert [(row["case"], row["label"]) for row in labels.rows] == [("a", "tumour")]
    assert labels.notes == (
        "1 case left out: no longer among the scans",
        "1 folder left out: several DICOM series in one folder",
        "1 case or slice left out: readers disagree",
        (
            "training takes every slice of a volume that is labelled as a whole as its label says; with --from, "
            "only slices in which the model sees a tumour"
        ),
    )


def test_a_missing_type_is_taken_from_readers_who_named_it_or_no_type_is_written(tmp_path: Path) -> None:
    said = [judged("a", "anna", True), judged("a", "ben", True, "glioma"), judged("b", "ben", True, "meningioma")]
    labels = make_labels(said, tmp_path, tmp_path)
    assert [row["label"] for row in labels.rows] == ["glioma", "meningioma"]
    labels = make_labels([*said, judged("c", "anna", True)], tmp_path, tmp_path)
    assert [row["label"] for row in labels.rows] == ["tumour"] * 3
    assert labels.notes[0] == "labels say whether there is a tumour, since nobody named its type in 1 case or slice"


def test_readers_can_be_chosen(tmp_path: Path) -> None:
    said = [judged("a", "anna", True), judged("a", "ben", False)]
    labels = make_labels(said, tmp_path, tmp_path, readers=["ben"])
    assert [(row["label"], row["reader"]) for row in labels.rows] == [("no tumour", "ben")]


def test_the_command_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = WorklistStore(tmp_path / "worklist", "anna")
    store.list_anew(listed(0.9))
    store.close()
    assert main(["labels", str(tmp_path)]) == 2
    assert "there is no answer about a tumour to write" in capsys.readouterr().err
    store = WorklistStore(tmp_path / "worklist", "anna")
    store.set_answer(1, Answer().with_tumour(False))
    store.close()
    assert main(["labels", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out == f"{tmp_path / 'worklist' / 'labels.csv'}: 1 label of 1 patient: 1 none\n"
    assert main(["labels", str(tmp_path / "nowhere")]) == 2
    assert "no such worklist; make one with camlocalizer review FOLDER" in capsys.readouterr().err
    assert main(["labels", str(tmp_path), "--output", str(tmp_path / "labels.txt")]) == 2
