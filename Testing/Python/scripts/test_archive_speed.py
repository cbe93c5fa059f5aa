"""What the benchmark of archives says of figures; nothing is timed."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from CAMLocalizerLib.io import list_series, read_volume

pytest.importorskip("dicomweb_client", reason="dicomweb-client is not installed")


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[3] / "scripts"))
    return importlib.import_module("_archive_speed")


def test_each_limit_is_met_or_missed(script):
    found = {"speed": {"speed_ratio": 0.79}, "memory": {"growth_mb": 12.0, "cases": 200}}
    assert script.limit_lines(found) == [
        "MISSED speed ratio 0.79 (at least 0.8)",
        "met    growth of memory 12 MB over 200 cases (at most 50)",
    ]


def test_the_studies_are_volumes_of_patients_of_their_own(script, tmp_path):
    uids = {script.write_study(tmp_path / str(seed), seed, slices=4, side=16) for seed in range(2)}
    assert len(uids) == 2
    (series,) = list_series(tmp_path / "1")
    assert (series.slices, series.rows) == (4, 16)
    grid = read_volume(tmp_path / "1").grid
    assert grid.spacing_mm == pytest.approx((15.0, 15.0, 60.0))
