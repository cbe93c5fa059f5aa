"""The tables of the PET model: lesions touched, false regions, and the free-response curve."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from uptake_phantoms import hot_balls, judged_volume

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
BALLS = [((12, 20, 12), 3.0, 8.0), ((34, 18, 30), 4.0, 5.0), ((34, 22, 12), 3.0, 4.0)]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    yield importlib.import_module("evaluate_pet_fdg")
    for name in ("evaluate_pet_fdg",):
        sys.modules.pop(name, None)


@pytest.fixture
def case(script: Any) -> Any:
    from reproduction.models.pet_fdg.cases import WHOLE, PETCase

    volume = hot_balls(BALLS)
    k, j, i = np.indices(volume.grid.shape_kji)
    lesions = (k - 12) ** 2 + (j - 20) ** 2 + (i - 12) ** 2 <= 9
    return PETCase(WHOLE, "one", volume, lesions)


@pytest.fixture
def localizer(case: Any) -> Any:
    return SimpleNamespace(run=lambda volume: judged_volume(volume, [0.9, 0.6, 0.1]))


def test_every_method_outlines_the_same_case(script: Any, case: Any, localizer: Any) -> None:
    rows = {row.method: row for row in script.judged(case, localizer, {"other": localizer})}
    assert list(rows) == [script.MODEL, "other", *script.PLAIN]
    assert (rows[script.MODEL].lesions, rows[script.MODEL].touched, rows[script.MODEL].false_regions) == (1, 1, 1)
    assert rows["SUV >= 2.5"].false_regions == 2
    assert rows["SUV >= 4"].false_regions <= 1
    assert rows[script.MODEL].true_ml == pytest.approx(case.lesions.sum() * 0.064, abs=1e-3)


def test_the_curve_falls_with_the_limit(script: Any, case: Any, localizer: Any) -> None:
    levels = {level.limit: level for level in script.free_response(case, localizer)}
    assert [(levels[limit].touched, levels[limit].false_regions) for limit in (0.9, 0.5, 0.1)] == [
        (1, 0),
        (1, 1),
        (1, 2),
    ]


def test_the_table_sums_up_by_collection(script: Any, case: Any, localizer: Any, tmp_path: Path) -> None:
    rows = list(script.judged(case, localizer, {}))
    line = script.summary(rows)[0]
    assert (line["cases"], line["lesions touched"], line["false regions per case"]) == (1, "1 of 1", "1.0")
    script.write(rows, list(script.free_response(case, localizer)), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"cases.csv", "froc.csv", "froc.png", "table.md"}
    assert "| whole bodies | pet-fdg | 1 | 1 of 1 | 1.0 |" in (tmp_path / "table.md").read_text(encoding="utf-8")
