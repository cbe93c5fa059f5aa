"""Random changes of what images look like."""

import pytest
import torch

from CAMLocalizerLib.training.fit.appearance import change_appearance, match_histograms, strip_rim


def heads(count: int = 6) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(96.0), torch.arange(88.0), indexing="ij")
    radius = ((rows - 48) ** 2 + (columns - 44) ** 2).sqrt()
    image = torch.where(radius < 40, 0.35, 0.0) + torch.where((radius > 35) & (radius < 40), 0.6, 0.0)
    noise = torch.randn(count, 1, 96, 88, generator=torch.Generator().manual_seed(0)) * 0.02
    return image + noise * (image > 0)


def generator(seed: int = 4) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_changed_images_stay_in_range_keep_their_shape_and_depend_on_the_seed_alone():
    images = heads()

    one, same, other = (change_appearance(images, generator(seed)) for seed in (1, 1, 2))

    assert one.shape == images.shape
    assert 0 <= one.min() <= one.max() <= 1.25
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_the_background_stays_dark():
    assert change_appearance(heads(), generator())[:, :, :4, :4].max() < 0.05


def test_a_matched_image_has_the_quantiles_of_its_partner():
    images = torch.cat([heads(20), 0.5 * heads(20)])
    partners = torch.arange(40).roll(20)

    matched = match_histograms(images, partners, generator())

    changed = [index for index in range(40) if not torch.equal(matched[index], images[index])]
    assert 5 <= len(changed) <= 25
    for index in changed:
        own, partner = (image[image > 0.05].median() for image in (matched[index], images[partners[index]]))
        assert own == pytest.approx(float(partner), abs=0.02)


def test_stripping_takes_the_bright_rim_off_and_brightens_what_is_left():
    images = heads(40)

    stripped = strip_rim(images, generator())

    changed = [index for index in range(40) if not torch.equal(stripped[index], images[index])]
    assert 6 <= len(changed) <= 24
    for index in changed:
        assert stripped[index, 0, 48, 44 + 37] == 0
        assert stripped[index, 0, 48, 44] > images[index, 0, 48, 44]
