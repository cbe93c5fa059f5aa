"""Filtered images and retraining on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_rois import TinyNet, blobs

from CAMLocalizerLib.cam import GradCAM
from CAMLocalizerLib.cam.resize import resize_maps
from CAMLocalizerLib.core import InputError, SettingsError
from CAMLocalizerLib.evaluation.filters import activation_maps, borrowed_masks, filter_weights, map_overlap, retrain
from CAMLocalizerLib.evaluation.roi_set import RoiSet, multiplied
from CAMLocalizerLib.training.fitting import FitOptions


@pytest.fixture
def rois() -> RoiSet:
    return blobs()


def test_a_filter_multiplies_before_normalisation(rois):
    weights = np.random.default_rng(0).uniform(0, 1, rois.grey.shape).astype(np.float32)
    filtered = rois.image_set(weights, normalisation="none").images[:, 0]
    np.testing.assert_allclose(filtered, rois.grey * weights)
    np.testing.assert_allclose(rois.image_set(weights).images[:, 0], 2 * filtered - 1, rtol=1e-6)
    scored = rois.image_set(weights, normalisation="zscore").images[:, 0]
    np.testing.assert_allclose(scored.mean(axis=(1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(scored.std(axis=(1, 2)), 1, rtol=1e-3)


def test_masks_and_inverse_masks_share_an_image_out(rois):
    inside, outside = (filter_weights(kind, rois, seed=5) for kind in ("mask", "inverse-mask"))
    np.testing.assert_allclose(multiplied(rois.grey, inside) + multiplied(rois.grey, outside), rois.grey)
    assert filter_weights("original", rois) is None


def test_a_normal_image_gets_the_mask_of_a_drawn_tumour(rois):
    masks = borrowed_masks(rois, seed=5)
    sick = rois.labels == 1
    np.testing.assert_array_equal(masks[sick], rois.truth[sick])
    own = {mask.tobytes() for mask in rois.truth[sick]}
    lent = {mask.tobytes() for mask in masks[~sick]}
    assert lent <= own
    assert len(lent) > 3
    np.testing.assert_array_equal(masks, borrowed_masks(rois, seed=5))
    assert (masks != borrowed_masks(rois, seed=6)).any()


def test_masks_are_lent_within_a_plane(rois):
    planes = np.where(np.arange(len(rois)) % 4 < 2, "coronal", "sagittal")
    masks = borrowed_masks(replace(rois, planes=planes), seed=5)
    for plane in ("coronal", "sagittal"):
        sick, healthy = ((rois.labels == label) & (planes == plane) for label in (1, 0))
        np.testing.assert_array_equal(masks[sick], rois.truth[sick])
        assert {mask.tobytes() for mask in masks[healthy]} <= {mask.tobytes() for mask in rois.truth[sick]}
    lonely = np.where(rois.labels == 1, "coronal", "sagittal")
    with pytest.raises(InputError, match="in every plane, got none in sagittal"):
        borrowed_masks(replace(rois, planes=lonely), seed=5)


def test_filters_that_lack_something_are_refused(rois):
    without = RoiSet(rois.grey, rois.labels, rois.classes, rois.patients, rois.folds, rois.names)
    with pytest.raises(InputError, match="need the masks of the tumours"):
        filter_weights("mask", without)
    with pytest.raises(InputError, match="an image whose mask has a pixel"):
        filter_weights("mask", rois.where(rois.labels == 0))
    with pytest.raises(SettingsError, match="need maps"):
        filter_weights("cam", rois)
    with pytest.raises(SettingsError, match="one of original, cam, mask, inverse-mask, got 'blur'"):
        filter_weights("blur", rois)
    with pytest.raises(InputError, match="both must be the same"):
        multiplied(rois.grey, rois.grey[:, 1:])
    with pytest.raises(InputError, match="must be 0 to 1"):
        multiplied(rois.grey, rois.grey * 3)


def test_images_outside_0_to_1_are_refused(rois):
    with pytest.raises(InputError, match="expected 0 to 1"):
        RoiSet(rois.grey * 255, rois.labels, rois.classes, rois.patients, rois.folds, rois.names)


@pytest.mark.parametrize("targets", [None, 1])
def test_maps_are_grad_cam_over_its_maximum(rois, targets):
    torch.manual_seed(0)
    network = TinyNet()
    images = rois.image_set().images[:5]
    raw = resize_maps(GradCAM(network, "features")(torch.from_numpy(images), targets).maps[1], (16, 16)).numpy()
    maps = activation_maps(network, images, targets=targets, batch_size=2)
    for found, expected in zip(maps, raw, strict=True):
        np.testing.assert_allclose(found, expected / max(expected.max(), 1e-9), atol=1e-5)
    assert network.training


def test_maps_equal_to_the_truth_reach_its_mean_dice(rois):
    overlap = map_overlap(rois, rois.truth.astype(np.float32))
    sick = rois.labels == 1
    np.testing.assert_allclose(overlap[sick], 255 / 256)  # nothing is above 255
    assert np.isnan(overlap[~sick]).all()


def test_retraining_tells_where_the_evidence_lies(rois, tmp_path):
    options = FitOptions(epochs=12, batch_size=8, learning_rate=0.03, seed=2)
    accuracies = {}
    for kind in ("original", "mask", "inverse-mask"):
        network, result = retrain(lambda: TinyNet(), rois, kind, options, tmp_path / kind, fold=2)
        accuracies[kind] = result.last_accuracy
        assert not network.training
        assert result.images == (rois.folds == 2).sum()
        assert result.epochs == 12
    assert accuracies["mask"] == 1
    assert accuracies["original"] == 1
    assert accuracies["inverse-mask"] < 0.8


def test_a_finished_retraining_is_loaded(rois, tmp_path):
    options = FitOptions(epochs=2, learning_rate=0.01)
    torch.manual_seed(1)
    first = retrain(TinyNet, rois, "cam", options, tmp_path, maps=rois.grey)[1]
    torch.manual_seed(2)
    assert retrain(TinyNet, rois, "cam", options, tmp_path, maps=rois.grey)[1] == first
