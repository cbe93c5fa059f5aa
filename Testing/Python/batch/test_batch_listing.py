"""Tables of volumes, and names of cases."""

from __future__ import annotations

from pathlib import Path

import pytest

from CAMLocalizerLib.batch.listing import read_listing
from CAMLocalizerLib.batch.naming import name_cases
from CAMLocalizerLib.batch.source import Source
from CAMLocalizerLib.core import InputError, SettingsError


@pytest.fixture
def table(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "volumes.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def named(*files: str, known=None) -> list[str]:
    return list(name_cases([Source(Path("/x") / file, file) for file in files], known).values())


def test_files_are_relative_to_the_table_and_names_and_series_may_be_given(table, tmp_path):
    first, second = read_listing(table("file;case;series\nP1/a.nii;one;\nP2;;1.2.3\n"))
    assert (first.path, first.case, first.series) == (tmp_path / "P1" / "a.nii", "one", "")
    assert (second.file, second.case, second.series, second.dicom) == ("P2", "", "1.2.3", True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path\na.nii\n", "has no column file"),
        ("file\n", "has no line besides the header"),
        ("file,case\n,one\n", "line 2: has no file"),
        ("file\na.nii\n./a.nii\n", "line 3: a.nii stands in line 2 already"),
        ("file,case\na.nii,One\nb.nii,one\n", "line 3: case 'one' stands in line 2 already"),
        ("file,case\na.nii,../one\n", "line 2: case '../one' cannot be the name of a folder"),
        ("file,case\na.nii,Summary.csv\n", "cannot be the name of a folder"),
        ("file,case\na.nii,.hidden\n", "cannot be the name of a folder"),
    ],
)
def test_a_table_that_cannot_be_used_is_told_in_a_sentence(table, text, message):
    with pytest.raises(InputError, match=message):
        read_listing(table(text))


def test_a_volume_is_no_table(tmp_path):
    with pytest.raises(InputError, match="is a NIfTI file; a batch takes a folder or a table"):
        read_listing(tmp_path / "brain.nii.gz")


def test_a_missing_table_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_listing(tmp_path / "none.csv")


def test_cases_are_called_after_where_their_file_lies():
    assert named("P1/pre/T1.nii.gz", "brain.nrrd") == ["P1-pre-T1", "brain"]


def test_names_never_collide_in_upper_or_lower_case_nor_with_the_tables():
    names = named("a/b.nii", "a-b.nii", "A/B.nrrd", "summary.csv.nii", "batch.json/x/../y.nii", ". ./..nii")
    assert len({name.casefold() for name in names}) == len(names)
    assert names[0] == "a-b"
    assert "summary.csv" not in names
    assert all(name and not name.startswith(".") and "/" not in name for name in names)


def test_names_are_the_same_whatever_is_added_later():
    before = name_cases([Source(Path("/x/b.nii"), "b.nii")])
    after = name_cases([Source(Path("/x/b.mha"), "b.mha"), Source(Path("/x/b.nii"), "b.nii")], before)
    assert after["b.nii", ""] == "b"
    assert after["b.mha", ""].startswith("b-")


def test_files_outside_the_table_are_called_by_their_own_name_and_long_names_end_in_a_checksum():
    assert named("../../secret/a.nii", "/data/secret/b.nii") == ["a", "b"]
    (name,) = named("/".join(["folder"] * 60) + "/a.nii")
    assert len(name) == 100


def test_a_case_keeps_its_name():
    known = {("a.nii", ""): "one"}
    with pytest.raises(SettingsError, match="was case 'one' so far, now 'two'"):
        name_cases([Source(Path("/x/a.nii"), "a.nii", case="two")], known)
    with pytest.raises(SettingsError, match="its case cannot be called 'ONE'"):
        name_cases([Source(Path("/x/b.nii"), "b.nii", case="ONE")], known)
