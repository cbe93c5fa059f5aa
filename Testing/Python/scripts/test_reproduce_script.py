"""scripts/reproduce.py: which papers there are, and what it says when data are missing."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from reproduction.papers import PAPERS

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    spec = importlib.util.spec_from_file_location("reproduce_script", SCRIPTS / "reproduce.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_offers_every_paper(script):
    assert list(PAPERS) == list(script.PAPERS)


@pytest.mark.parametrize("paper", [name for name in PAPERS if name != "pet-mip"])  # simulates its own data
def test_missing_data_are_named_in_one_sentence(script, monkeypatch, capsys, tmp_path, paper):
    data, work = tmp_path / "nothing", tmp_path / "work"
    monkeypatch.setattr(sys, "argv", ["reproduce.py", paper, "--quick", "--data", str(data), "--work", str(work)])
    assert script.main() == 1
    error = capsys.readouterr().err
    assert error.startswith("reproduce: ")
    assert str(data) in error
    assert error.count("\n") == 1
    assert not (work / "results").exists()
