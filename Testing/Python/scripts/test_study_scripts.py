"""The scripts of the studies: thin, and their options are read by the package that does the work."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
NAMES = sorted(
    path.stem
    for pattern in ("ablate_*.py", "evaluate_*.py", "prepare_*.py", "train_*.py", "reproduce.py")
    for path in SCRIPTS.glob(pattern)
)


@pytest.mark.parametrize("name", NAMES)
def test_a_script_explains_its_options(name, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit, match="0"):
        importlib.import_module(name).options()
    assert f"usage: {name}.py" in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_what_a_script_takes_from_the_studies_is_there(name) -> None:
    tree = ast.parse((SCRIPTS / f"{name}.py").read_text(encoding="utf-8"))
    taken = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and "reproduction" in node.module]
    assert taken
    for node in taken:
        module = importlib.import_module(node.module)
        assert all(hasattr(module, alias.name) for alias in node.names)
