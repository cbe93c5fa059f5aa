"""How often images are drawn, and which labels are left out."""

import numpy as np
import torch

from CAMLocalizerLib.training.fit.batches import WeightedSampler
from CAMLocalizerLib.training.images import ImageSet
from CAMLocalizerLib.training.localisation.balance import explained_by_site, groups, most_certain, sampling_weights

CLASSES = ("none", "a", "b")


def image_set(labels: list[int], sites: list[str] | None) -> ImageSet:
    count = len(labels)
    return ImageSet(
        np.zeros((count, 1, 2, 2), np.float32),
        np.array(labels),
        CLASSES,
        np.array([f"P{number}" for number in range(count)]),
        np.ones(count, np.int64),
        np.arange(count).astype(str),
        sites=None if sites is None else np.array(sites),
    )


def test_a_tumour_class_that_is_all_a_site_has_is_explained_by_it():
    images = image_set([1, 1, 2, 2, 1, 0, 0], ["x", "x", "y", "y", "y", "z", "z"])

    assert explained_by_site(images, np.array([1, 2])).tolist() == [True, True, *[False] * 5]


def test_a_class_that_no_other_site_has_is_all_there_is_to_learn_from():
    images = image_set([1, 1, 2, 2], ["x", "x", "y", "y"])

    assert not explained_by_site(images, np.array([1, 2])).any()


def test_without_sites_nothing_is_explained():
    assert not explained_by_site(image_set([1, 2, 0], None), np.array([1, 2])).any()
    assert not explained_by_site(image_set([1, 1, 0], ["x", "x", "x"]), np.array([1, 2])).any()


def test_every_class_is_drawn_as_often_and_large_sites_by_the_root_of_their_size():
    images = image_set([0] * 3 + [1] * 16 + [1] * 4, ["x"] * 3 + ["x"] * 16 + ["y"] * 4)

    weights = sampling_weights(images).numpy()

    of_class = [weights[images.labels == label].sum() for label in (0, 1)]
    assert np.isclose(*of_class)
    assert np.isclose(weights.mean(), 1)
    assert np.isclose(weights[3:19].sum() / weights[19:].sum(), 2)


def test_groups_are_pairs_of_class_and_site():
    number = groups(image_set([1, 1, 2, 1], ["x", "y", "x", "x"]))

    assert number[0] == number[3]
    assert len(set(number.tolist())) == 3


def test_the_most_certain_of_each_group_are_kept_but_never_those_without_a_mask():
    confidence = np.array([0.9, 0.2, 0.8, 0.1, 0.05, 0.0, 0.0])
    group = np.array([0, 0, 0, 0, 1, 1, 1])

    assert most_certain(confidence, group, 0.5).tolist() == [True, False, True, False, True, False, False]


def test_weighted_draws_depend_on_seed_and_epoch_alone_and_are_shared_among_devices():
    weights = torch.tensor([1.0, 0.0, 3.0, 1.0])
    whole = WeightedSampler(weights, 4000, seed=2)
    parts = [WeightedSampler(weights, 4000, seed=2, replicas=2, rank=rank) for rank in (0, 1)]

    first, again = list(whole), list(whole)
    whole.set_epoch(1)

    assert first == again
    assert first != list(whole)
    assert first[0::2] == list(parts[0])
    assert first[1::2] == list(parts[1])
    shares = np.bincount(first, minlength=4) / 4000
    assert np.allclose(shares, weights / weights.sum(), atol=0.03)
