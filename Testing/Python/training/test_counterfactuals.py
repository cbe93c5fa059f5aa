"""Slices that lose or get a tumour."""

from __future__ import annotations

import pytest
import torch

from CAMLocalizerLib.training import counterfactuals
from CAMLocalizerLib.training.counterfactuals import Batch, remove, transplant


@pytest.fixture
def batch() -> Batch:
    torch.manual_seed(5)
    images = torch.randn(6, 1, 64, 64) * 0.1
    targets = torch.zeros(6, 64, 64)
    targets[:4, 20:30, 12:22] = 1.0
    images[:4, 0, 20:30, 12:22] += 5.0
    return Batch(images, targets, torch.tensor([1, 2, 3, 1, 0, 0]))


def test_a_removed_tumour_leaves_surroundings_and_the_label_none(batch, monkeypatch) -> None:
    monkeypatch.setattr(counterfactuals, "REMOVED_SHARE", 1.0)
    monkeypatch.setattr(counterfactuals, "CONTROL_SHARE", 0.0)
    changed = remove(batch)
    assert changed.labels.tolist() == [0] * 6
    assert changed.targets.sum() == 0
    assert changed.images[:4, 0, 20:30, 12:22].mean() < 0.3
    assert torch.equal(changed.images[4:], batch.images[4:])


def test_a_fill_elsewhere_changes_neither_tumour_nor_label(batch, monkeypatch) -> None:
    monkeypatch.setattr(counterfactuals, "REMOVED_SHARE", 0.0)
    monkeypatch.setattr(counterfactuals, "CONTROL_SHARE", 1.0)
    changed = remove(batch)
    assert torch.equal(changed.labels, batch.labels)
    assert torch.equal(changed.targets, batch.targets)
    assert torch.equal(changed.images[:4, 0, 20:30, 12:22], batch.images[:4, 0, 20:30, 12:22])
    assert not torch.equal(changed.images[:4], batch.images[:4])


def test_a_transplanted_tumour_brings_its_pixels_target_and_label(batch, monkeypatch) -> None:
    monkeypatch.setattr(counterfactuals, "TRANSPLANTED_SHARE", 1.0)
    changed = transplant(batch)
    assert (changed.labels[4:] > 0).all()
    assert torch.equal(changed.targets[4], batch.targets[0])
    assert changed.images[4, 0, 21:29, 13:21].mean() > 4.5
    assert torch.equal(changed.images[:4], batch.images[:4])


def test_tumour_free_batches_stay_as_they_are(batch) -> None:
    free = Batch(batch.images[4:], batch.targets[4:], batch.labels[4:])
    changed = transplant(remove(free))
    assert torch.equal(changed.images, free.images)
