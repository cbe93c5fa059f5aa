"""Outcomes from radiomics: a planted signal is found, noise is not, and nothing leaks."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.core import InputError, SettingsError
from CAMLocalizerLib.io import source_sha256
from CAMLocalizerLib.metrics import auc, classification_report
from CAMLocalizerLib.outcome import OutcomeData, OutcomeSettings, predict_outcome, read_outcome_data
from CAMLocalizerLib.outcome.comparison import compare_outcome
from CAMLocalizerLib.outcome.shuffling import _shuffled_cases
from CAMLocalizerLib.outcome.study import MEASURES, _quick_measures
from CAMLocalizerLib.version import VERSION
from reproduction.evaluations.simulated_outcomes import simulate_outcomes

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
QUICK = OutcomeSettings(bootstraps=200)


def data(features, outcomes, patients=None):
    count = len(features)
    names = tuple(f"original_firstorder_{index}" for index in range(features.shape[1]))
    owners = np.arange(count).astype(str) if patients is None else patients
    return OutcomeData(features, names, outcomes, owners, tuple(f"case-{index}" for index in range(count)))


@pytest.fixture
def noise():
    return np.random.default_rng(3).normal(size=(80, 300))


def test_a_planted_signal_is_found(noise):
    outcomes = simulate_outcomes(noise[:, :2], 4.0, seed=1)
    result = predict_outcome(data(noise, outcomes), QUICK)
    assert result.measures["auc"] > 0.75
    assert result.intervals["auc"][0] > 0.5
    assert {"original_firstorder_0", "original_firstorder_1"} & set(list(result.chosen)[:2])


def test_without_a_signal_many_features_do_not_make_one(noise):
    outcomes = simulate_outcomes(noise[:, :2], 0.0, seed=1)
    low, high = predict_outcome(data(noise, outcomes), QUICK).intervals["auc"]
    assert low < 0.5 < high


def test_every_case_is_predicted_by_a_model_that_never_saw_its_patient(noise):
    patients = np.repeat(np.arange(40), 2).astype(str)
    outcomes = np.repeat(np.arange(40) % 2, 2)
    found = data(noise[:, :5], outcomes, patients)
    folds = predict_outcome(found, QUICK).folds
    assert all(len(set(folds[patients == patient])) == 1 for patient in patients)
    assert sorted(set(folds)) == [1, 2, 3, 4, 5]


def test_features_that_name_the_patient_do_not_help(noise):
    """Each patient's own mark predicts nothing of others: a split by case instead of patient would find it."""
    patients = np.repeat(np.arange(20), 4).astype(str)
    outcomes = np.repeat(np.random.default_rng(0).permutation(np.arange(20) % 2), 4)
    marks = np.repeat(np.random.default_rng(5).normal(size=(20, 6)), 4, axis=0)
    forest = OutcomeSettings(classifier="forest", folds=2, inner_folds=2, bootstraps=100)
    assert predict_outcome(data(marks, outcomes, patients), forest).measures["auc"] < 0.9


def test_volume_alone_and_shuffled_outcomes_stand_beside_the_features(noise):
    settings = OutcomeSettings(bootstraps=100, folds=2, inner_folds=2, feature_counts=(2,))
    found = data(noise[:, :30], simulate_outcomes(noise[:, :1], 4.0, seed=1))
    result = predict_outcome(found, settings)
    beside = compare_outcome(found, result, settings, volume_name="original_firstorder_5", shuffles=4)
    alone = data(noise[:, [5]], found.outcomes)
    np.testing.assert_array_equal(beside.volume.probabilities, predict_outcome(alone, settings).probabilities)
    np.testing.assert_array_equal(beside.volume.folds, result.folds)
    value, low, high = beside.auc_gain
    assert value == pytest.approx(result.measures["auc"] - auc(found.outcomes == 1, beside.volume.probabilities))
    assert 0 < low < value < high
    assert beside.shuffled.mean == pytest.approx(0.5, abs=0.1)
    assert beside.shuffled.p_value == pytest.approx(1 / 5)
    assert beside.as_json()["volume_alone"]["feature"] == "original_firstorder_5"


def test_without_a_volume_there_is_nothing_beside(noise):
    found = data(noise[:, :3], simulate_outcomes(noise[:, :1], 4.0, seed=1))
    settings = OutcomeSettings(bootstraps=100, folds=2, inner_folds=2, feature_counts=(2,))
    beside = compare_outcome(found, predict_outcome(found, settings), settings, volume_name=None)
    assert set(beside.as_json().values()) == {None}


def test_images_of_a_patient_get_the_same_shuffled_outcome():
    patients = np.repeat(["a", "b", "c", "d"], [1, 2, 3, 4])
    dealt = _shuffled_cases(patients, seed=3)
    assert sorted({patients[case] for case in dealt}) == ["a", "b", "c", "d"]
    assert all(len(set(dealt[patients == patient])) == 1 for patient in "abcd")


def test_the_same_seed_gives_the_same_result(noise):
    outcomes = simulate_outcomes(noise[:, :2], 2.0, seed=1)
    first, second = (predict_outcome(data(noise[:, :20], outcomes), QUICK) for _ in range(2))
    np.testing.assert_array_equal(first.probabilities, second.probabilities)
    assert first.intervals == second.intervals


def test_the_quick_measures_are_those_of_the_report():
    generator = np.random.default_rng(0)
    outcomes, probabilities = generator.integers(0, 2, 50), generator.integers(0, 9, 50) / 10 + 0.01
    report = classification_report(outcomes, np.stack([1 - probabilities, probabilities], axis=1))
    assert _quick_measures(outcomes, probabilities) == pytest.approx([getattr(report, name) for name in MEASURES])


def test_too_few_patients_are_refused(noise):
    outcomes = np.zeros(80, np.int64)
    outcomes[:3] = 1
    with pytest.raises(InputError, match="3 patients have the outcome 1, 5 folds need at least 5"):
        predict_outcome(data(noise, outcomes), QUICK)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"classifier": "oracle"}, "logistic, forest"),
        ({"folds": 1}, "at least 2"),
        ({"bootstraps": 5}, "at least 100"),
        ({"confidence": 1.0}, "between 0 and 1"),
    ],
)
def test_settings_out_of_range_are_refused(options, complaint):
    with pytest.raises(SettingsError, match=complaint):
        OutcomeSettings(**options)


def test_simulated_outcomes_refuse_a_negative_strength(noise):
    with pytest.raises(SettingsError, match="at least 0"):
        simulate_outcomes(noise, -1.0, seed=0)


@pytest.fixture
def tables(noise, tmp_path):
    """Features as the command radiomics writes them, with components and diagnostics, and outcomes of 60 cases."""
    outcomes = simulate_outcomes(noise[:60, :1], 6.0, seed=2)
    features, known = tmp_path / "features.csv", tmp_path / "outcomes.csv"
    with features.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Image", "Mask", "Segment", "diagnostics_Mask-original_VoxelNum", "a", "b", "Note"])
        for index, row in enumerate(noise[:60, :2]):
            writer.writerow([f"scan-{index}", "m", "Tumour", 7, *row, ""])
            writer.writerow([f"scan-{index}", "m", "Tumour, component 1", 7, *(-row), ""])
        writer.writerow(["scan-extra", "m", "Tumour", 7, 0, 0, ""])
    lines = [
        "Image;outcome;patient",
        *(f"scan-{i};{value};P{i // 2}" for i, value in enumerate(outcomes)),
        "lost;1;P99",
    ]
    known.write_text("\n".join(lines), encoding="utf-8")
    return features, known


def test_tables_are_joined_by_image(tables):
    found = read_outcome_data(*tables)
    assert found.names == ("a", "b")
    assert found.features.shape == (60, 2)
    assert len(set(found.patients)) == 30
    assert [note.split(" have")[0] for note in found.notes] == [
        "1 cases of outcomes.csv",
        "1 cases of features.csv",
    ]


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        (1, "Image,outcome\nscan-1,2\n", "line 2: outcome must be 0 or 1, got '2'"),
        (1, "Image,outcome\nscan-1,1\nscan-1,0\n", "line 3: image scan-1 comes twice"),
        (1, "Image,result\nscan-1,1\n", "has no column outcome; it has Image, result"),
        (1, "Image,outcome\nscan-1,1\nscan-2,1\n", "every case has the outcome 1"),
        (1, "Image,outcome\nother,1\n", "no Image in common"),
        (1, "Image,outcome\n", "has no rows"),
        (0, "Image,Segment,a\nscan-1,A,1\nscan-1,B,2\n", "several segments; choose one with --segment"),
        (0, "Image,Segment,b\nscan-1,A,x\nscan-0,A,y\n", "no column of numbers"),
        (0, "Image,Segment,b\nscan-1,A,7\nscan-0,A,7\n", "every feature is the same in all cases"),
        (0, "", "has no column Image, Segment; it is empty"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(tables, file, text, complaint):
    tables[file].write_text(text, encoding="utf-8")
    if "scan-0" in text:
        tables[1].write_text("Image,outcome\nscan-0,0\nscan-1,1\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_outcome_data(*tables)
    assert complaint in str(caught.value)


def test_the_command_writes_predictions_figures_and_picture(tables, tmp_path, capsys):
    folder = tmp_path / "response"
    arguments = ["outcome", *map(str, tables), "--output", str(folder), "--folds", "3"]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "60 cases of 30 patients: accuracy" in shown
    with (folder / "outcome.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 60
    figures = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
    probabilities = np.array([float(row["probability"]) for row in rows])
    truth = np.array([int(row["outcome"]) for row in rows])
    assert figures["measures"]["accuracy"] == pytest.approx(((probabilities > 0.5) == truth).mean(), abs=1e-4)
    assert figures["intervals"]["auc"][0] <= figures["measures"]["auc"] <= figures["intervals"]["auc"][1]
    assert (folder / "roc.png").stat().st_size > 5000
    sums = [source_sha256(path) for path in tables]
    assert [figures["features_sha256"], figures["outcomes_sha256"]] == sums
    for row in rows:
        assert [row["CAMLocalizer_features_sha256"], row["CAMLocalizer_outcomes_sha256"]] == sums
    assert all(text.encode() in (folder / "roc.png").read_bytes() for text in (f"camlocalizer {VERSION}", *sums))
    assert main(arguments) == 2
    assert "already exists" in capsys.readouterr().err


def test_cells_that_are_no_number_are_missing_and_cases_without_any_are_left_out(tmp_path):
    features, known = tmp_path / "features.csv", tmp_path / "outcomes.csv"
    rows = ["Image;Segment;a;b;text;CAMLocalizer_source_sha256;Note"]
    rows += ["x;T;1,5;nan;p;1;", "y;T;2,5;3;q;2;", "z;T;;;;3;not measured", "w;T;inf;4;r;4;"]
    features.write_text("\n".join(rows), encoding="utf-8-sig")
    known.write_text("image;Outcome\r\nx;1.0\r\ny;0\r\nz;1\r\nw;1\r\n", encoding="utf-8")
    found = read_outcome_data(features, known)
    assert found.cases == ("x", "y", "w")
    assert found.names == ("a", "b")
    np.testing.assert_array_equal(found.features, [[1.5, np.nan], [2.5, 3], [np.nan, 4]])
    assert found.notes == (
        "1 cases of features.csv could not be measured and are left out",
        "1 columns of features.csv hold no numbers and are left out: text",
    )


def test_a_seed_that_cannot_be_is_refused():
    with pytest.raises(SettingsError, match="seed must lie between"):
        OutcomeSettings(seed=-3)
