"""Settings of a review: every label map is the library's, voxel by voxel."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.workbench import Review

GESTURES = {
    "threshold": lambda review, **options: review.set_threshold("0.3", **options),
    "number as threshold": lambda review, **options: review.set_threshold(0.25, **options),
    "percentile": lambda review, **options: review.set_threshold("q97", **options),
    "otsu": lambda review, **options: review.set_threshold("otsu", **options),
    "scales": lambda review, **options: review.set_scales((1, 3), **options),
    "weight": lambda review, **options: review.set_weight(2, 0.25, **options),
    "minimum volume": lambda review, **options: review.set_min_volume_ml(0.15, **options),
    "probability": lambda review, **options: review.set_probability_limit(0.5, **options),
    "normalisation": lambda review, **options: review.set_normalisation("volume", **options),
    "levels": lambda review, **options: review.set_normalisation("reference", **options),
    "largest": lambda review, **options: review.set_keep_largest(1, **options),
    "refinement": lambda review, **options: review.set_refinement("random-walk", **options),
}


def expected(review: Review) -> np.ndarray:
    return review.settings.label_map(review.found).array_kji


@pytest.mark.parametrize("gesture", GESTURES.values(), ids=GESTURES)
def test_every_setting_gives_the_librarys_label_map_and_is_undone(review: Review, gesture) -> None:
    before, first = review.settings, review.mask.copy()
    assert gesture(review)
    assert review.settings != before
    np.testing.assert_array_equal(review.mask, expected(review))
    np.testing.assert_array_equal(review.activation, review.settings.activation(review.found))
    changed, second = review.settings, review.mask.copy()
    assert review.undo()
    assert review.settings == before
    np.testing.assert_array_equal(review.mask, first)
    assert review.redo()
    assert review.settings == changed
    np.testing.assert_array_equal(review.mask, second)
