"""Exams from tables and DICOM folders."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from dicom_series import write_series

from CAMLocalizerLib.core import Grid, InputError
from CAMLocalizerLib.followup.exams import read_exams
from CAMLocalizerLib.io import list_series

DAYS = (datetime.date(2024, 1, 5), datetime.date(2024, 5, 31))


@pytest.fixture
def table(tmp_path):
    """A function that writes a table beside two files."""
    for name in ("a.nii", "b.nii", "a-labels.nii", "b-labels.nii"):
        (tmp_path / name).touch()

    def write(*rows, header="file,date,patient,label_map"):
        path = tmp_path / "exams.csv"
        path.write_text("\n".join([header, *rows]), encoding="utf-8")
        return path

    return write


def test_a_table_is_sorted_by_date(table, tmp_path):
    first, second = read_exams(table("b.nii,2024-05-31,P,b-labels.nii", "a.nii,20240105,P,a-labels.nii"))
    assert (first.date, second.date) == DAYS
    assert (first.path, first.label_map) == (tmp_path / "a.nii", tmp_path / "a-labels.nii")
    assert second.label_map == tmp_path / "b-labels.nii"


@pytest.mark.parametrize("form", ["{} 00:00:00", "{} 00:00", "{}T00:00:00", "{} 13:45:10"])
def test_a_time_behind_the_date_is_taken_too(table, form):
    rows = (f"{name}.nii,{form.format(day)},P," for name, day in zip("ab", DAYS, strict=True))
    assert tuple(exam.date for exam in read_exams(table(*rows))) == DAYS


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (["a.nii,2024-01-05,P,"], "holds 1 exam; a follow-up needs at least two"),
        (["a.nii,2024-01-05,P,", "b.nii,2024-05-31,Q,"], "more than one patient"),
        (["a.nii,2024-01-05,P,", "b.nii,2024-01-05,P,"], "a.nii and b.nii are both of 2024-01-05"),
        (["a.nii,2024-01-05,P,", "b.nii,,P,"], "line 3: has no date"),
        (
            ["a.nii,5.1.2024,P,", "b.nii,2024-05-31,P,"],
            "line 2: '5.1.2024' is not a date; expected one such as 2024",
        ),
        (["a.nii,0024-01-05,P,", "b.nii,2024-05-31,P,"], "line 2: '0024-01-05' is not a date"),
        (["a.nii,2024-01-05,P,", "b.nii,2024-05-31,P,b-labels.nii"], "brings label maps for some exams only"),
        (["c.nii,2024-01-05,P,", "b.nii,2024-05-31,P,"], "line 2: file c.nii does not exist"),
        (["a.nii,2024-01-05,P,none.nii", "b.nii,2024-05-31,P,"], "line 2: label map none.nii does not exist"),
    ],
)
def test_exams_that_cannot_be_followed_are_refused(table, rows, complaint):
    with pytest.raises(InputError) as caught:
        read_exams(table(*rows))
    assert complaint in str(caught.value)


def test_a_table_without_dates_says_what_it_needs(table):
    with pytest.raises(InputError, match=r"has no column date; it has file"):
        read_exams(table("a.nii", "b.nii", header="file"))


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: cannot be read"):
        read_exams(tmp_path / "none.csv")


@pytest.fixture
def series(tmp_path):
    """A function that writes a tiny series of a day and a patient, with its own UID."""
    grid = Grid((4, 5, 3), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0), np.eye(3))
    stored = np.arange(60, dtype=np.uint16).reshape(grid.shape_kji)

    def write(name, date, patient="P"):
        def patch(header, _k):
            header.PatientID = patient
            if date:
                header.StudyDate = date

        write_series(tmp_path / "exams" / name, stored, grid, patch=patch)
        return tmp_path / "exams"

    return write


def test_a_folder_holds_a_series_per_exam(series):
    series("late", "20240531")
    first, second = read_exams(series("early", "20240105"))
    assert (first.date, second.date) == DAYS
    assert first.series != second.series


def test_series_of_two_patients_are_refused_without_naming_them(series):
    series("one", "20240105", patient="Secret1")
    with pytest.raises(InputError, match="more than one patient") as caught:
        read_exams(series("two", "20240531", patient="Secret2"))
    assert "Secret" not in str(caught.value)


def test_a_series_without_any_date_is_named(series):
    series("one", "20240105")
    with pytest.raises(InputError, match=r"has no AcquisitionDate or SeriesDate or StudyDate; give a table"):
        read_exams(series("two", ""))


def test_two_series_of_a_day_are_told_apart_and_can_be_chosen_in_a_table(series, tmp_path):
    series("one", "20240105"), series("two", "20240105")
    folder = series("late", "20240531")
    with pytest.raises(InputError, match=r"series [\d.]+ and series [\d.]+ are both of 2024-01-05; .* file, date and"):
        read_exams(folder)
    chosen = list_series(folder / "one")[0].uid
    table = tmp_path / "exams.csv"
    table.write_text(f"file,date,series\nexams,2024-01-05,{chosen}\nexams/late,2024-05-31,\n", encoding="utf-8")
    first, second = read_exams(table)
    assert (first.series, second.series) == (chosen, None)


def test_dicom_of_two_patients_is_refused_in_a_table_too(series, tmp_path):
    series("one", "20240105", patient="Secret1"), series("two", "20240531", patient="Secret2")
    table = tmp_path / "exams.csv"
    table.write_text("file,date\nexams/one,2024-01-05\nexams/two,2024-05-31\n", encoding="utf-8")
    with pytest.raises(InputError, match="more than one patient"):
        read_exams(table)


def test_a_folder_without_dicom_asks_for_a_table(tmp_path):
    (tmp_path / "scan.nii").touch()
    with pytest.raises(InputError, match="holds no DICOM series, and other formats bear no date"):
        read_exams(tmp_path)
