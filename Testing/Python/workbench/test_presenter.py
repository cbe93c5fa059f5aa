"""What panel and page show of a review."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from CAMLocalizerLib.localizer import Localization
from CAMLocalizerLib.segment import ActivationLevels
from CAMLocalizerLib.workbench import Availability, Review
from CAMLocalizerLib.workbench.presenter import (
    kept_count,
    set_threshold_method,
    set_threshold_position,
    threshold_control,
    threshold_warning,
    volume_text,
)
from CAMLocalizerLib.workbench.review.threshold_conversion import equal_threshold


class Bench:
    """Nothing chosen yet."""

    review = volume_node = None
    running = False
    model = ""

    def notice(self) -> str:
        return ""

    def edited_mask(self) -> None:
        return None


def voxels_taken(text: str, activation: np.ndarray) -> int:
    from CAMLocalizerLib.segment import apply_threshold

    return int(apply_threshold(activation, text).sum())


def test_a_level_is_shown_from_zero_to_one(review: Review) -> None:
    set_threshold_position(review, 0.4)
    control = threshold_control(review)
    assert (control.method, control.position, control.low, control.high) == ("fixed", 0.4, 0.0, 1.0)
    assert control.adjustable
    assert review.settings.threshold == "0.4"


@pytest.mark.parametrize(("percent", "low"), [(97.5, 50.0), (30.0, 30.0)])
def test_a_percentile_is_shown_from_fifty_or_from_itself(review: Review, percent: float, low: float) -> None:
    review.set_threshold("q90")
    set_threshold_position(review, percent)
    control = threshold_control(review)
    assert (control.method, control.position, control.low, control.high) == ("percentile", percent, low, 100.0)


def test_otsu_stands_where_it_is_and_cannot_be_moved(review: Review) -> None:
    set_threshold_method(review, "otsu")
    control = threshold_control(review)
    assert not control.adjustable
    assert control.position == control.value == pytest.approx(review.threshold_value)


def test_from_percentile_to_level_not_a_voxel_changes(found: Localization) -> None:
    review = Review(found, found.default_settings().changed(threshold="q97.3"))
    before = review.mask.copy()
    set_threshold_method(review, "fixed")
    np.testing.assert_array_equal(review.mask, before)


@pytest.mark.parametrize("method", ["fixed", "percentile"])
@pytest.mark.parametrize("value", [0.1, 0.3253, 0.66, 0.9, 0.99871])
def test_an_equal_threshold_takes_as_many_voxels(method: str, value: float) -> None:
    activation = np.random.default_rng(3).random((20, 60, 70), dtype=np.float32)
    expected = int((activation >= np.float32(value)).sum())
    assert voxels_taken(equal_threshold(method, value, ActivationLevels(activation)), activation) == expected


def test_an_equal_threshold_is_as_short_as_it_can_be() -> None:
    activation = np.array([[[0.1, 0.2, 0.5, 0.9]]], dtype=np.float32)
    assert equal_threshold("fixed", 0.41237891, ActivationLevels(activation)) == "0.412"
    assert equal_threshold("fixed", 1.2, ActivationLevels(activation)) == "1"


def test_an_empty_activation_gets_the_usual_percentile() -> None:
    empty = ActivationLevels(np.zeros((2, 3, 4), np.float32))
    assert equal_threshold("percentile", 0.0, empty) == "q99"
    assert equal_threshold("fixed", 0.0, empty) == "0"


@pytest.mark.parametrize(
    ("volume_ml", "text"),
    [(0.0123, "0.012 ml"), (1.236, "1.24 ml"), (12.34, "12.3 ml"), (1234.5, "1234 ml")],
)
def test_a_volume_has_the_digits_worth_reading(volume_ml: float, text: str) -> None:
    assert volume_text(volume_ml) == text


def test_rejected_components_are_not_counted(review: Review) -> None:
    review.set_threshold("0.2")
    count = kept_count(review)
    review.reject_component(1)
    assert kept_count(review) == count - 1


def test_without_a_review_every_action_names_the_first_step() -> None:
    available = Availability(Bench())
    blockers = (available.review_blocker, available.undo_blocker, available.redo_blocker)
    told = {blocker() for blocker in (*blockers, available.accept_blocker, available.export_blocker)}
    assert told == {"Find tumours first."}


@pytest.mark.parametrize(
    ("threshold", "volume_ml", "usual_ml", "tissue_ml", "told"),
    [
        ("otsu", 430.0, 35.0, 3500.0, "430.0 ml, 12% of the tissue in the volume and 12 times as much as the model's"),
        ("otsu", 430.0, 200.0, 3500.0, "430.0 ml, 12% of the tissue in the volume: check it"),
        ("otsu", 60.0, 12.0, 3500.0, "60.0 ml, 5 times as much as the model's own threshold of 0.5: check it"),
        ("otsu", 5.0, 0.0, 3500.0, "5.00 ml, nothing of it marked by the model's own threshold of 0.5: check it"),
        ("otsu", 60.0, 35.0, 3500.0, ""),
        ("otsu", 0.0, 0.0, 0.0, ""),
        ("0.02", 430.0, 35.0, 3500.0, ""),
    ],
)
def test_otsus_threshold_warns_where_it_marks_far_too_much(
    threshold: str, volume_ml: float, usual_ml: float, tissue_ml: float, told: str
) -> None:
    review = SimpleNamespace(
        settings=SimpleNamespace(threshold=threshold),
        found=SimpleNamespace(default_settings=lambda: SimpleNamespace(threshold="0.5")),
        volume_ml=volume_ml,
        volume_at=lambda _threshold: usual_ml,
        tissue_ml=tissue_ml,
    )
    warning = threshold_warning(review)
    assert warning.startswith(f"Otsu's threshold marks {told}" if told else "")
    assert bool(warning) == bool(told)


def test_the_volume_at_a_threshold_is_that_of_all_voxels_above_it(review: Review) -> None:
    voxel_ml = review.found.volume.grid.voxel_volume_mm3 / 1000
    assert review.volume_at("0.4") == pytest.approx((review.activation >= np.float32(0.4)).sum() * voxel_ml)
    assert 0 < review.tissue_ml <= review.found.volume.array_kji.size * voxel_ml
