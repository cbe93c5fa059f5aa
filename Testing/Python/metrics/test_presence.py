"""AUC and sensitivity at a specificity against counting pairs and thresholds."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import InputError, SettingsError
from CAMLocalizerLib.metrics import auc, sensitivity_at_specificity


def cases(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of few levels, so that many are equal."""
    generator = np.random.default_rng(seed)
    truth = generator.random(30) < 0.4
    return truth, np.round(generator.normal(truth, 1.0), 1)


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_the_share_of_pairs_in_the_right_order(seed: int) -> None:
    truth, scores = cases(seed)
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[truth] for n in scores[~truth]]
    assert auc(truth, scores) == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("specificity", [0.0, 0.5, 0.8, 0.95, 1.0])
def test_sensitivity_is_the_highest_of_all_thresholds(seed: int, specificity: float) -> None:
    truth, scores = cases(seed)
    thresholds = [*scores.tolist(), scores.max() + 1]
    allowed = [t for t in thresholds if (scores[~truth] < t).mean() >= specificity]
    expected = max((scores[truth] >= t).mean() for t in allowed) if specificity else 1.0
    assert sensitivity_at_specificity(truth, scores, specificity) == pytest.approx(expected)


def test_twenty_negatives_allow_one_above_the_threshold_at_95_percent() -> None:
    truth, scores = np.arange(22) >= 20, np.array([*range(20), 18.5, 17.5])
    assert sensitivity_at_specificity(truth, scores) == 0.5


def test_images_of_one_kind_give_no_figure() -> None:
    assert np.isnan(auc([True, True], [0.1, 0.2]))
    assert np.isnan(sensitivity_at_specificity([False, False], [0.1, 0.2]))


def test_input_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match=r"expected \(N,\) for both"):
        auc([True, False], [0.1])
    with pytest.raises(InputError, match="must be finite"):
        auc([True, False], [0.1, np.nan])
    with pytest.raises(SettingsError, match="specificity must be 0 to 1"):
        sensitivity_at_specificity([True, False], [0.1, 0.2], 1.5)
