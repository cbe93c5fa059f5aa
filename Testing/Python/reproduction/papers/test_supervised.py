"""The supervised baseline, the one part of training that learns from masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_training import blobs
from torch import nn

from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.training.fitting import Batch, FitOptions
from reproduction.papers.supervised import dice_loss, fit_segmenter, predict_masks

OPTIONS = FitOptions(epochs=6, batch_size=8, learning_rate=5e-2, augmentation="flips")


@pytest.fixture
def pairs():
    images = blobs(16).images
    return images, images[:, 0] > 1.5


def segmenter() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 1))


def test_a_segmenter_learns_bright_squares(pairs, tmp_path) -> None:
    images, masks = pairs
    network = segmenter()
    result = fit_segmenter(network, images[:10], masks[:10], images[10:], masks[10:], OPTIONS, tmp_path)
    found = predict_masks(network, images[10:])
    assert found.shape == masks[10:].shape
    assert result.history[-1]["dice"] > result.history[0]["dice"]
    shared = 2 * (found & masks[10:]).sum() / (found.sum() + masks[10:].sum())
    assert shared > 0.8


def test_soft_dice_of_a_certain_right_answer_is_zero_and_of_a_wrong_one_nearly_one() -> None:
    truth = torch.zeros(1, 4, 4, dtype=torch.uint8)
    truth[0, :2] = 1
    certain = (truth.float()[:, None] * 2 - 1) * 50
    batch = Batch(certain, truth)
    assert float(dice_loss(nn.Identity(), batch)[0]) == pytest.approx(0, abs=1e-6)
    assert float(dice_loss(nn.Identity(), batch._replace(images=-certain))[0]) == pytest.approx(1 - 1 / 17)


def test_a_lower_threshold_finds_at_least_as_much(pairs) -> None:
    network, (images, _) = segmenter(), pairs
    sizes = [predict_masks(network, images, threshold=threshold).sum() for threshold in (0.3, 0.5, 0.7)]
    assert sizes == sorted(sizes, reverse=True)


def test_masks_of_another_shape_are_refused(pairs, tmp_path) -> None:
    images, masks = pairs
    with pytest.raises(InputError, match=r"shape \(16, 16, 16\), got \(16, 8, 16\)"):
        fit_segmenter(segmenter(), images, masks[:, ::2], None, None, replace(OPTIONS, epochs=1), tmp_path)
    assert np.array_equal(predict_masks(segmenter(), images[:0]), np.zeros((0, 16, 16), bool))
