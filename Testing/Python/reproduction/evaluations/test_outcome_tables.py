"""The tables of real patients, as the command reads them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from CAMLocalizerLib.outcome import read_outcome_data, read_survival_data
from reproduction.evaluations import outcome_tables


def test_times_and_events_are_no_features(tmp_path: Path) -> None:
    table = "Status,Survival,Volume,texture\n1,0.5,10,3\n0,2.5,20,1\n1,1.5,30,2\n"
    (tmp_path / outcome_tables.SURVIVAL_TABLE).write_text(table, encoding="utf-8")
    found = read_survival_data(*outcome_tables.survival_tables(tmp_path, tmp_path), time_unit="years")
    assert found.names == ("Volume", "texture")
    assert found.observed.times_years.tolist() == [0.5, 2.5, 1.5]
    assert found.observed.events.tolist() == [True, False, True]
    assert found.features[:, 0].tolist() == [10, 20, 30]


def test_rows_of_one_patient_stay_together_and_targets_are_no_features(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "LNDb.csv.gz", "wt", encoding="utf-8") as stream:
        stream.write("a,b,ID,Target\n1,4,x,0\n2,5,x,1\n3,7,y,1\n")
    found = read_outcome_data(*outcome_tables.binary_tables(tmp_path, "LNDb", tmp_path))
    assert found.names == ("a", "b")
    assert found.patients.tolist() == ["x", "x", "y"]
    assert found.outcomes.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(found.features, [[1, 4], [2, 5], [3, 7]])


def row(**changes):
    plain = {
        "name": "T",
        "predicts": "response",
        "cases": 9,
        "with_outcome": 4,
        "features": 3,
        "logistic": (0.7, 0.6, 0.8),
        "forest": (0.6, 0.4, 0.8),
        "volume": (0.5, 0.4, 0.6),
        "gain": (0.2, 0.1, 0.3),
        "shuffled": 0.5,
    }
    return outcome_tables.BinaryRow(**(plain | changes))


def test_the_summary_counts_what_the_intervals_show() -> None:
    rows = [
        row(),
        row(gain=(-0.2, -0.3, -0.1), logistic=(0.55, 0.4, 0.7)),
        row(volume=None, gain=None, shuffled=0.35),
    ]
    text = outcome_tables.summary(rows).replace("\n", " ")
    assert "above 0.5 in 2 of 3 tables" in text
    assert "Of the 2 with a volume, the features are shown to tell more than volume alone in 1, and less in 1." in text
    assert "give a mean AUC of 0.45 over all tables" in text
    lines = outcome_tables.binary_lines(rows)
    assert lines[2].endswith("| 9 (4) | 3 | 0.70 (0.60 to 0.80) | 0.60 (0.40 to 0.80) | 0.50 (0.40 to 0.60) | "
                             "+0.20 (+0.10 to +0.30) | 0.50 |")  # fmt: skip
    assert lines[4].endswith("|  |  | 0.35 |")
