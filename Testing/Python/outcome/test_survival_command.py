"""The command ``outcome`` with times: tables in, predictions and pictures out, and one sentence for bad ones."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from outcome_samples import simulated

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.core import InputError, SettingsError
from CAMLocalizerLib.io import source_sha256
from CAMLocalizerLib.outcome import Observations, SurvivalSettings, has_times, read_survival_data, volume_feature
from CAMLocalizerLib.outcome.survival_measures import auc_at
from CAMLocalizerLib.version import VERSION

VOLUME = "original_shape_MeshVolume"


@pytest.fixture
def tables(tmp_path):
    """60 cases whose hazard follows the volume, times in months."""
    data = simulated(60, 2, 2.0)
    features, known = tmp_path / "features.csv", tmp_path / "survival.csv"
    lines = [f"case-{n},Tumour,{row[0]},{row[1]}" for n, row in enumerate(data.features)]
    features.write_text("\n".join([f"Image,Segment,{VOLUME},texture", *lines]), encoding="utf-8")
    observed = zip(data.observed.times_years * 12, data.observed.events.astype(int), strict=True)
    lines = [f"case-{n},{time!r},{event}" for n, (time, event) in enumerate((float(t), e) for t, e in observed)]
    known.write_text("\n".join(["image,Time,EVENT", *lines]), encoding="utf-8")
    return features, known


def run(tables, folder, *more):
    return main(["outcome", *map(str, tables), "--output", str(folder), "--folds", "2", *more])


def test_times_are_joined_and_turned_into_years(tables):
    data = simulated(60, 2, 2.0)
    found = read_survival_data(*tables, time_unit="months")
    np.testing.assert_allclose(found.observed.times_years, data.observed.times_years)
    np.testing.assert_array_equal(found.observed.events, data.observed.events)
    np.testing.assert_allclose(found.features, data.features)
    in_days = read_survival_data(*tables, time_unit="days").observed.times_years
    np.testing.assert_allclose(in_days * 365.25, data.observed.times_years * 12)
    assert has_times(tables[1])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "Image,time,event\ncase-1,-2,1\n",
            "line 2: time must be a number of at least 0, got '-2'; correct it or remove",
        ),
        ("Image,time,event\ncase-1,,1\n", "line 2: time must be a number of at least 0, got ''"),
        ("Image,time,event\ncase-1,inf,1\n", "at least 0, got 'inf'"),
        ("Image,time,event\ncase-1,soon,1\n", "at least 0, got 'soon'"),
        ("Image,time,event\ncase-1,1,2\n", "line 2: event must be 1 (observed) or 0 (censored), got '2'"),
        ("Image,time,event\ncase-1,1,1\ncase-1,1,1\n", "line 3: image case-1 comes twice"),
        ("Image,time,event\ncase-1,1,1\ncase-2,1,0\n", "1 of 2 cases has an event, at least 2 are needed; check that"),
        ("Image,time,event\ncase-1,1,0\ncase-2,1,0\n", "0 of 2 cases have an event"),
        ("Image,time\ncase-1,1\n", "has no column event; it has Image, time"),
        ("Image,time,event\n", "has no rows"),
        ("Image,time,event\nother,1,1\n", "no Image in common"),
    ],
)
def test_tables_of_times_that_cannot_be_used_are_refused(tables, text, complaint):
    tables[1].write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_survival_data(*tables, time_unit="years")
    assert complaint in str(caught.value)
    assert str(tables[1]) in str(caught.value)


def test_a_table_says_whether_it_holds_outcomes_or_times(tmp_path):
    path = tmp_path / "known.csv"
    for columns, times in (("Image,outcome", False), ("Image,time,event", True), ("Image,event", True)):
        path.write_text(columns, encoding="utf-8")
        assert has_times(path) is times
    path.write_text("Image,outcome,time,event", encoding="utf-8")
    with pytest.raises(InputError, match="has both outcome and time or event; keep either"):
        has_times(path)
    path.write_text("Image,Status,Survival", encoding="utf-8")
    with pytest.raises(InputError, match="neither a column outcome nor time and event; it has Image, Status, Survival"):
        has_times(path)


@pytest.mark.parametrize("unit", [None, "weeks"])
def test_times_without_a_known_unit_are_refused(tables, unit):
    with pytest.raises(SettingsError, match="unit of time must be days, months or years"):
        read_survival_data(*tables, time_unit=unit)


def test_the_volume_is_the_feature_of_radiomics_or_the_one_named():
    names = ("texture", "original_shape_VoxelVolume", VOLUME)
    assert volume_feature(names) == VOLUME
    assert volume_feature(names, "texture") == "texture"
    assert volume_feature(("texture",)) is None
    with pytest.raises(InputError, match="no feature 'size' that differs between cases; the table has texture"):
        volume_feature(names, "size")


@pytest.fixture
def quick(monkeypatch):
    """The command's own settings, with less to search."""
    pytest.importorskip("sksurv", reason="scikit-survival is not installed")
    monkeypatch.setattr("CAMLocalizerLib.outcome.survival_models.PENALTIES", (0.05,))
    monkeypatch.setattr("CAMLocalizerLib.outcome.survival_models.SHARES_OF_L1", (0.5,))
    monkeypatch.setattr("CAMLocalizerLib.outcome.survival_pictures.AUC_DRAWS", 20)
    plain = SurvivalSettings

    def settings(**options):
        return plain(**options, inner_folds=2, feature_counts=(2,), bootstraps=100)

    settings.horizon_years = plain.horizon_years
    monkeypatch.setattr("CAMLocalizerLib.outcome.SurvivalSettings", settings)


def test_the_command_writes_predictions_figures_and_pictures(tables, tmp_path, capsys, quick):
    folder = tmp_path / "survival"
    assert run(tables, folder, "--time-unit", "months", "--horizon", "1.5", "--shuffled", "1") == 0
    shown = capsys.readouterr().out
    for line in ("60 cases of 60 patients, ", "all features: C-index 0.", f"volume alone ({VOLUME}): C-index 0."):
        assert line in shown
    assert "not shown to tell more than volume alone: the difference in C-index is" in shown
    assert "low and high risk: log-rank p " in shown
    assert "1 times with shuffled outcomes: mean C-index 0." in shown
    with (folder / "outcome.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    observed = Observations(
        np.array([float(row["time_years"]) for row in rows]), np.array([row["event"] == "1" for row in rows])
    )
    risks = np.array([float(row["risk"]) for row in rows])
    figures = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
    assert figures["measures"]["auc"] == pytest.approx(auc_at(observed, risks, 1.5), abs=1e-4)
    assert figures["volume_alone"]["feature"] == VOLUME
    assert figures["gain_over_volume"]["c_index"][0] == pytest.approx(
        figures["measures"]["c_index"] - figures["volume_alone"]["measures"]["c_index"], abs=2e-4
    )
    groups = figures["risk_groups"]
    assert {name: group["patients"] for name, group in groups.items()} == {
        f"{name} risk": sum(row["group"] == name for row in rows) for name in ("low", "high")
    }
    assert groups["low risk"]["event_free_at_horizon"] > groups["high risk"]["event_free_at_horizon"]
    assert sum(part["cases"] for part in figures["calibration"]) == 60
    assert figures["shuffled"]["values"] == [figures["shuffled"]["mean"]]
    assert all(float(row["probability_by_1.5_years"]) < 1 and row["risk_by_volume"] for row in rows)
    sums = [source_sha256(path) for path in tables]
    assert [figures["features_sha256"], figures["outcomes_sha256"]] == sums
    for name in ("kaplan-meier.png", "calibration.png", "auc.png"):
        content = (folder / name).read_bytes()
        assert len(content) > 5000
        assert all(text.encode() in content for text in (f"camlocalizer {VERSION}", *sums))


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ((), "unit of time must be days, months or years, got none"),
        (("--time-unit", "months", "--horizon", "90"), "choose a horizon between them or check the time unit"),
        (("--time-unit", "months", "--horizon", "0"), "horizon must be above 0 years"),
        (("--time-unit", "months", "--model", "logistic"), "one of cox, forest"),
        (("--time-unit", "months", "--volume", "size"), "features.csv: no feature 'size'"),
        (("--time-unit", "months", "--shuffled", "-1"), "--shuffled must be at least 0"),
    ],
)
def test_what_cannot_be_studied_is_told_in_a_sentence(tables, tmp_path, capsys, more, complaint):
    assert run(tables, tmp_path / "survival", *more) != 0
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
    assert not (tmp_path / "survival").exists()


def test_a_unit_is_refused_for_outcomes_without_times(tables, tmp_path, capsys):
    tables[1].write_text("Image,outcome\ncase-1,1\ncase-2,0\n", encoding="utf-8")
    assert run(tables, tmp_path / "response", "--time-unit", "months") != 0
    assert "are for tables with the columns time and event" in capsys.readouterr().err
