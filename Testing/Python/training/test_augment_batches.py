"""Changes of position keep images, labels per pixel and points together."""

from __future__ import annotations

import pytest
import torch

from CAMLocalizerLib.training.fit.augment import augment_batch
from CAMLocalizerLib.training.fit.batches import Batch
from CAMLocalizerLib.training.fit.options import AUGMENTATIONS

COUNT, HEIGHT, WIDTH = 40, 20, 30


@pytest.fixture
def spots() -> Batch:
    """One smooth bright spot per image, its pixels labelled and its centre known."""
    generator = torch.Generator().manual_seed(1)
    points = torch.stack(
        [
            torch.randint(8, WIDTH - 8, (COUNT,), generator=generator),
            torch.randint(7, 13, (COUNT,), generator=generator),
        ],
        dim=1,
    ).float()
    rows, columns = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    distances = (columns - points[:, 0, None, None]) ** 2 + (rows - points[:, 1, None, None]) ** 2
    return Batch(torch.exp(-distances / 8)[:, None], (distances < 6).long(), points)


def centres(weights: torch.Tensor) -> torch.Tensor:
    rows, columns = torch.arange(HEIGHT).float(), torch.arange(WIDTH).float()
    total = weights.sum((1, 2))
    return torch.stack([(weights.sum(1) @ columns) / total, (weights.sum(2) @ rows) / total], dim=1)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_points_and_labels_stay_on_what_they_mark(spots, name) -> None:
    moved = augment_batch(spots, name, torch.Generator().manual_seed(2))
    assert moved.images.shape == spots.images.shape
    assert moved.labels.dtype == spots.labels.dtype
    inside = moved.points.isfinite().all(dim=1)
    assert inside.float().mean() > 0.8
    far = inside & (moved.points[:, 0] > 4) & (moved.points[:, 0] < WIDTH - 5)
    far &= (moved.points[:, 1] > 4) & (moved.points[:, 1] < HEIGHT - 5)
    assert far.sum() > 10
    torch.testing.assert_close(centres(moved.images[:, 0])[far], moved.points[far], atol=0.25, rtol=0)
    torch.testing.assert_close(centres(moved.labels.float())[far], moved.points[far], atol=0.5, rtol=0)


@pytest.mark.parametrize("name", ["flip", "flips"])
def test_flips_keep_every_value_and_differ_between_images(spots, name) -> None:
    moved = augment_batch(spots, name, torch.Generator().manual_seed(2)).images
    turned = {"same": 0, "mirrored": 0, "upside down": 0, "both": 0}
    for before, after in zip(spots.images, moved, strict=True):
        ways = {"same": before, "mirrored": before.flip(2), "upside down": before.flip(1), "both": before.flip(1, 2)}
        turned[next(way for way, image in ways.items() if torch.equal(image, after))] += 1
    assert all(turned[way] > 0 for way in (turned if name == "flips" else ("same", "mirrored")))
    assert name == "flips" or turned["upside down"] + turned["both"] == 0


def test_the_generator_alone_decides(spots) -> None:
    first, second, other = (
        augment_batch(spots, "affine", torch.Generator().manual_seed(seed)).images for seed in (3, 3, 4)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_a_point_that_leaves_the_image_is_unknown(spots) -> None:
    edge = spots._replace(points=torch.tensor([[0.0, 0.0]]).expand(COUNT, 2))
    moved = augment_batch(edge, "shift", torch.Generator().manual_seed(2)).points
    known = moved.isfinite().all(dim=1)
    assert 0 < known.sum() < COUNT
    assert bool((moved[known] >= 0).all())
