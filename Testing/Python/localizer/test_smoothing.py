"""Neighbouring slices are averaged by their distance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, Volume
from CAMLocalizerLib.localizer import Localizer
from CAMLocalizerLib.localizer.inference import SliceResults
from CAMLocalizerLib.localizer.smoothing import smooth_along_stack, stack_weights
from CAMLocalizerLib.models import ModelBundle


def results_of(logits: np.ndarray, maps: np.ndarray) -> SliceResults:
    shifted = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    present = np.ones(len(logits), dtype=bool)
    targets = np.zeros(len(logits), dtype=np.int64)
    return SliceResults({1: maps}, np.exp(shifted), shifted, present, targets)


def seeded(seed: int, slices: int = 12) -> SliceResults:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (slices, 3)).astype(np.float32)
    return results_of(logits, rng.random((slices, 4, 5)).astype(np.float32))


def test_slices_are_averaged_as_a_naive_loop_does():
    found, before = seeded(1), seeded(1)
    smooth_along_stack(found, 1.5, 2.0)
    for n in range(12):
        weights = np.exp(-0.5 * ((np.arange(12) - n) * 1.5 / 2.0) ** 2)
        weights /= weights.sum()
        odds = np.exp((weights[:, None] * before.log_probabilities).sum(axis=0))
        np.testing.assert_allclose(found.probabilities[n], odds / odds.sum(), rtol=1e-4)
        np.testing.assert_allclose(found.maps[1][n], np.tensordot(weights, before.maps[1], 1), rtol=1e-4)


def test_equal_slices_stay_as_they_are():
    logits = np.tile(np.float32([2.0, -1.0]), (9, 1))
    found = results_of(logits, np.full((9, 2, 2), 0.7, np.float32))
    smooth_along_stack(found, 1.0, 3.0)
    np.testing.assert_allclose(found.probabilities[:, 0], 1 / (1 + np.exp(-3.0)), rtol=1e-5)
    np.testing.assert_allclose(found.maps[1], 0.7, rtol=1e-5)


def test_thick_slices_are_hardly_touched_and_thin_ones_are():
    thick, thin, before = seeded(2), seeded(2), seeded(2)
    smooth_along_stack(thick, 6.5, 2.0)
    smooth_along_stack(thin, 1.0, 2.0)
    np.testing.assert_allclose(thick.maps[1], before.maps[1], atol=0.02)
    assert np.abs(np.diff(thin.maps[1], axis=0)).mean() < 0.3 * np.abs(np.diff(before.maps[1], axis=0)).mean()


def test_no_smoothing_changes_no_bit():
    found, before = seeded(3), seeded(3)
    smooth_along_stack(found, 1.0, 0.0)
    np.testing.assert_array_equal(found.probabilities, before.probabilities)
    np.testing.assert_array_equal(found.maps[1], before.maps[1])


def test_blank_slices_neither_change_nor_count():
    found, before = seeded(4), seeded(4)
    for each in (found, before):
        each.present[[0, 6]] = False
        each.maps[1][[0, 6]] = 0
        each.log_probabilities[[0, 6]] = -np.inf, 0, -np.inf
        each.probabilities[[0, 6]] = 0, 1, 0
    smooth_along_stack(found, 1.0, 2.0)
    np.testing.assert_array_equal(found.maps[1][[0, 6]], 0)
    np.testing.assert_array_equal(found.probabilities[[0, 6]], [[0, 1, 0], [0, 1, 0]])
    rows = [1, 2, 3, 4, 5, 7, 8, 9, 10, 11]
    expected = np.tensordot(stack_weights(np.array(rows, float), 2.0), before.maps[1][rows], 1)
    np.testing.assert_allclose(found.maps[1][rows], expected, rtol=1e-5)
    assert np.isfinite(found.probabilities).all()


def with_card(model: ModelBundle, **changes) -> ModelBundle:
    return ModelBundle(replace(model.card, **changes), model.folder)


def thin_slices(seed: int = 1) -> Volume:
    array = np.random.default_rng(seed).normal(100, 20, (16, 20, 20)).astype(np.float32)
    return Volume(array, Grid((20, 20, 16), (1, 1, 1), (0, 0, 0), np.eye(3)))


def test_the_localizer_smooths_what_becomes_the_pyramid(tiny_model):
    volume = thin_slices()
    plain = Localizer(tiny_model, device="cpu").run(volume)
    smooth = Localizer(with_card(tiny_model, stack_smoothing_mm=2.0), device="cpu").run(volume)
    weights = stack_weights(np.arange(16.0), 2.0)
    logarithms = weights @ np.log(plain.probabilities)
    expected = np.exp(logarithms) / np.exp(logarithms).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(smooth.probabilities, expected, rtol=1e-3)
    for before, after in zip(plain.pyramid.maps, smooth.pyramid.maps, strict=True):
        expected = np.tensordot(weights, before.array_kji, 1)
        np.testing.assert_allclose(after.array_kji, expected, rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_the_temperature_divides_the_logits(tiny_model, temperature):
    volume = thin_slices()
    plain = Localizer(tiny_model, device="cpu").run(volume)
    found = Localizer(with_card(tiny_model, temperature=temperature), device="cpu").run(volume)
    powers = plain.probabilities.astype(np.float64) ** (1 / temperature)
    np.testing.assert_allclose(found.probabilities, powers / powers.sum(axis=1, keepdims=True), rtol=1e-4)
    np.testing.assert_array_equal(found.pyramid.targets, plain.pyramid.targets)
    np.testing.assert_array_equal(found.pyramid.maps[0].array_kji, plain.pyramid.maps[0].array_kji)
