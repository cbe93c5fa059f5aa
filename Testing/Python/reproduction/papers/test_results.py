"""Tables of a reproduction."""

from __future__ import annotations

import csv

import pytest

from CAMLocalizerLib import SettingsError
from reproduction.papers import Entry, Reproduction, reproduce, write_tables
from reproduction.papers.results import replacing

REPRODUCTION = Reproduction(
    name="pgcam",
    title="A paper",
    paper="Someone, 2020",
    data="some data",
    seed=7,
    settings={"epochs": 3},
    differences=("fewer epochs",),
)
ENTRIES = (
    Entry("Table 1", "network A", "accuracy", 0.91234, 0.01, paper=0.95, count=3),
    Entry("Table 1", "network B", "accuracy", None, paper=0.9),
    Entry("Table 1", "network B", "F1", float("nan")),
    Entry("Table 2", "network A", "IoU", 0.25),
)


def rows(text):
    return [line for line in text.splitlines() if line.startswith("| network")]


def test_our_figure_stands_beside_that_of_the_paper(tmp_path):
    write_tables(tmp_path, REPRODUCTION, ENTRIES)
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert rows(text) == [
        "| network A | 0.912 ± 0.010 (0.950) |  |",
        "| network B | – (0.900) | – (–) |",
        "| network A | 0.250 |",
    ]
    assert "fewer epochs" in text
    assert "reproduce.py pgcam" in text


def test_the_csv_has_one_line_per_entry_with_seed_and_data(tmp_path):
    write_tables(tmp_path, REPRODUCTION, ENTRIES)
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(ENTRIES)
    assert lines[0]["ours"] == "0.9123"
    assert lines[0]["count"] == "3"
    assert lines[1]["ours"] == lines[2]["ours"] == ""
    assert {(line["seed"], line["data"]) for line in lines} == {("7", "some data")}


def test_a_failed_writing_leaves_the_former_file(tmp_path):
    path = tmp_path / "table.md"
    path.write_text("former")

    def fail():
        with replacing(path) as beside:
            beside.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert path.read_text() == "former"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unknown_paper_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="one of pgcam, quantitative"):
        reproduce("other", tmp_path, tmp_path, tmp_path)
