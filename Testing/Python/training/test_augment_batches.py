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


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("step", [1, 2])
def test_targets_of_the_images_size_or_half_of_it_stay_on_what_they_mark(spots, name, step) -> None:
    fine = (spots.images[:, 0] > 0.3).float()
    targets = torch.nn.functional.max_pool2d(fine, step).byte()
    moved = augment_batch(spots._replace(targets=targets), name, torch.Generator().manual_seed(2))
    assert moved.targets.dtype == torch.uint8
    assert moved.targets.shape == (targets if name == "none" else fine).shape
    far = (moved.points[:, 0] - WIDTH / 2).abs() < WIDTH / 2 - 5
    far &= (moved.points[:, 1] - HEIGHT / 2).abs() < HEIGHT / 2 - 5
    step_left = WIDTH // moved.targets.shape[2]
    spread = moved.targets.repeat_interleave(step_left, 1).repeat_interleave(step_left, 2).float()
    assert far.sum() > 10
    away = centres(spread)[far] - moved.points[far]
    assert away.abs().max() < 0.25 + 0.5 * step
    assert away.mean(0).abs().max() < 0.35  # to no side more than to another


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
