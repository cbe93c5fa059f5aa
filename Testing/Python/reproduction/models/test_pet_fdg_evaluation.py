"""The tables of the PET model: lesions touched, false components, and the free-response curve."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from uptake_phantoms import hot_balls, judged_volume

from reproduction.models.pet_fdg import evaluation
from reproduction.models.pet_fdg.cases import WHOLE, PETCase

BALLS = [((12, 20, 12), 3.0, 8.0), ((34, 18, 30), 4.0, 5.0), ((34, 22, 12), 3.0, 4.0)]


@pytest.fixture
def case() -> PETCase:
    volume = hot_balls(BALLS)
    k, j, i = np.indices(volume.grid.shape_kji)
    lesions = (k - 12) ** 2 + (j - 20) ** 2 + (i - 12) ** 2 <= 9
    return PETCase(WHOLE, "one", volume, lesions)


@pytest.fixture
def localizer(case: PETCase) -> Any:
    return SimpleNamespace(run=lambda volume: judged_volume(volume, [0.9, 0.6, 0.1]))


def test_every_method_outlines_the_same_case(case: PETCase, localizer: Any) -> None:
    rows = {row.method: row for row in evaluation.outlined_by_each_method(case, localizer, {"other": localizer})}
    assert list(rows) == [evaluation.MODEL, "other", *evaluation.PLAIN]
    assert (
        rows[evaluation.MODEL].lesions,
        rows[evaluation.MODEL].touched,
        rows[evaluation.MODEL].false_components,
    ) == (
        1,
        1,
        1,
    )
    assert rows["SUV >= 2.5"].false_components == 2
    assert rows["SUV >= 4"].false_components <= 1
    assert rows[evaluation.MODEL].true_ml == pytest.approx(case.lesions.sum() * 0.064, abs=1e-3)


def test_the_curve_falls_with_the_limit(case: PETCase, localizer: Any) -> None:
    levels = {level.limit: level for level in evaluation.free_response(case, localizer)}
    assert [(levels[limit].touched, levels[limit].false_components) for limit in (0.9, 0.5, 0.1)] == [
        (1, 0),
        (1, 1),
        (1, 2),
    ]


def test_the_table_sums_up_by_collection(case: PETCase, localizer: Any, tmp_path: Path) -> None:
    rows = list(evaluation.outlined_by_each_method(case, localizer, {}))
    line = evaluation.summary(rows)[0]
    assert (line["cases"], line["lesions touched"], line["false components per case"]) == (1, "1 of 1", "1.0")
    evaluation.write(rows, list(evaluation.free_response(case, localizer)), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"cases.csv", "froc.csv", "froc.png", "table.md"}
    assert "| whole bodies | pet-fdg | 1 | 1 of 1 | 1.0 |" in (tmp_path / "table.md").read_text(encoding="utf-8")
