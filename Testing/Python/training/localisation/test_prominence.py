"""The region in which several maps together are highest."""

import numpy as np
import pytest

from CAMLocalizerLib.training.localisation.prominence import joint_map, prominent_region

BODY = np.zeros((40, 50), bool)
BODY[4:36, 5:45] = True


def hill(row: int, column: int, height: float, spread: float = 4.0) -> np.ndarray:
    rows, columns = np.mgrid[: BODY.shape[0], : BODY.shape[1]]
    distance = (rows - row) ** 2 + (columns - column) ** 2
    return (height * np.exp(-distance / (2 * spread**2))).astype(np.float32)


def test_the_region_reaches_down_to_the_level_between_median_and_peak():
    values = hill(20, 25, 10.0)

    region, confidence = prominent_region(values, BODY)

    radius = 4.0 * np.sqrt(-2 * np.log(0.3))  # where the hill falls to 0.3 of its peak
    assert region.sum() == pytest.approx(np.pi * radius**2, rel=0.08)
    assert region[20, 25]
    assert confidence == pytest.approx(10.0, rel=0.02)


def test_the_heaviest_of_two_hills_is_taken_and_the_other_lowers_the_confidence():
    alone, sure = prominent_region(hill(12, 15, 6.0), BODY)
    both, doubtful = prominent_region(hill(12, 15, 6.0) + hill(28, 35, 5.5, 3.0), BODY)

    assert both[12, 15]
    assert not both[28, 35]
    assert both.sum() == pytest.approx(alone.sum(), rel=0.02)
    assert doubtful < 0.8 * sure


def test_what_lies_outside_the_body_does_not_count():
    region, _ = prominent_region(hill(1, 1, 50.0, 1.0) + hill(20, 25, 1.0), BODY)

    assert region[20, 25]
    assert not region[~BODY].any()


def test_maps_weigh_the_same_whatever_their_unit():
    first, second = hill(12, 15, 1.0), hill(28, 35, 1.0)

    joined = joint_map([(1.0, first), (0.5, second)], BODY)

    assert joint_map([(1.0, 1000 * first - 7), (0.5, 0.01 * second)], BODY) == pytest.approx(joined, abs=1e-3)
    assert joined[12, 15] > joined[28, 35] > joined[20, 25]


def test_a_flat_map_adds_nothing_and_has_no_region():
    flat = np.full(BODY.shape, 3.0, np.float32)

    assert (joint_map([(1.0, flat)], BODY) == 0).all()
    for values, body in ((flat, BODY), (hill(20, 25, 1.0), np.zeros_like(BODY))):
        region, confidence = prominent_region(values, body)
        assert not region.any()
        assert confidence == 0.0
