"""The region in which several maps together are highest."""

import numpy as np
import pytest

from CAMLocalizerLib.training.fit.batches import UNKNOWN
from CAMLocalizerLib.training.localisation.prominence import joint_map, prominent_region

BODY = np.zeros((40, 50), bool)
BODY[4:36, 5:45] = True


def hill(row: int, column: int, height: float, spread: float = 4.0) -> np.ndarray:
    rows, columns = np.mgrid[: BODY.shape[0], : BODY.shape[1]]
    distance = (rows - row) ** 2 + (columns - column) ** 2
    return (height * np.exp(-distance / (2 * spread**2))).astype(np.float32)


def test_region_and_what_may_belong_to_it_reach_down_to_their_levels():
    values = hill(20, 25, 10.0)

    found, confidence = prominent_region(values, BODY)

    for cells, level in ((found == 1, 0.4), (found > 0, 0.25)):
        radius = 4.0 * np.sqrt(-2 * np.log(level))  # where the hill falls to this part of its peak
        assert cells.sum() == pytest.approx(np.pi * radius**2, rel=0.08)
    assert set(np.unique(found)) == {0, 1, UNKNOWN}
    assert found[20, 25] == 1
    assert confidence == pytest.approx(10.0, rel=0.02)


def test_the_heaviest_of_two_hills_is_taken_and_the_other_lowers_the_confidence():
    alone, sure = prominent_region(hill(12, 15, 6.0), BODY)
    both, doubtful = prominent_region(hill(12, 15, 6.0) + hill(28, 35, 5.5, 3.0), BODY)

    assert both[12, 15] == 1
    assert both[28, 35] == 0
    assert (both == 1).sum() == pytest.approx((alone == 1).sum(), rel=0.1)
    assert doubtful < 0.8 * sure


def test_what_lies_outside_the_body_does_not_count():
    found, _ = prominent_region(hill(1, 1, 50.0, 1.0) + hill(20, 25, 1.0), BODY)

    assert found[20, 25] == 1
    assert not found[~BODY].any()


def test_maps_weigh_the_same_whatever_their_unit():
    first, second = hill(12, 15, 1.0), hill(28, 35, 1.0)

    joined = joint_map([(1.0, first), (0.5, second)], BODY)

    assert joint_map([(1.0, 1000 * first - 7), (0.5, 0.01 * second)], BODY) == pytest.approx(joined, abs=1e-3)
    assert joined[12, 15] > joined[28, 35] > joined[20, 25]


def test_a_flat_map_adds_nothing_and_has_no_region():
    flat = np.full(BODY.shape, 3.0, np.float32)

    assert (joint_map([(1.0, flat)], BODY) == 0).all()
    for values, body in ((flat, BODY), (hill(20, 25, 1.0), np.zeros_like(BODY))):
        found, confidence = prominent_region(values, body)
        assert not found.any()
        assert confidence == 0.0
