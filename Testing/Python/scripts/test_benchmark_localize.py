"""What the benchmark of localising says of figures; nothing is timed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    yield importlib.import_module("_benchmark_localize")
    for name in ("_benchmark_localize", "_peers", "_rounds", "_sample", "_synthetic"):
        sys.modules.pop(name, None)


def test_ratios_are_medians_over_rounds(script: ModuleType) -> None:
    seconds = {"one": [2.0, 30.0, 4.0], "other": [1.0, 10.0, 1.0]}
    assert script.ratios(seconds, "other") == {"one": 3.0, "other": 1.0}


def test_each_limit_is_met_or_missed(script: ModuleType) -> None:
    over = {script.FORWARD: {script.OURS: 1.4}, script.PLAIN: {script.OURS: 1.0}}
    start = {"over": {script.TORCH: {script.LOCALIZE: 2.1}}}
    lines = script.limit_lines({"one slice": {"over": over}, "volume": {"over": over}, "cold start": start})
    assert [line.split()[0] for line in lines] == ["MISSED", "met", "MISSED", "met", "MISSED"]
    assert lines[0] == "MISSED one slice: ours / forward pass 1.40 (at most 1.3)"
    assert len(script.limit_lines({"one slice": {"over": over}, "volume": {"over": over}, "cold start": {}})) == 4


def test_the_random_network_is_the_same_each_time_and_that_of_the_bundle(script: ModuleType, tmp_path: Path) -> None:
    bundle = script.random_bundle(tmp_path / "encoder", script.ENCODER_NETWORK, size=64, spacing_mm=4.0)
    network, images = script.random_network(script.ENCODER_NETWORK), torch.rand(1, 1, 64, 64)
    assert torch.equal(bundle.network()(images), network(images))
    assert len(network.class_maps(network.features(images))) == 4
