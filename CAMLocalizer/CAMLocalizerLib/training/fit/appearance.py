"""Random changes of appearance: contrast, shading, sharpness, noise, the histogram of another site, a stripped rim."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from ...views.normalise import MAX_SHARE

FOREGROUND = 0.05  # brightness from which a pixel belongs to the body; the background is dark
MATCHED_SHARE, QUANTILES, SUBSAMPLE = 0.35, 33, 11
STRIPPED_SHARE, LEAST_RIM, MOST_RIM = 0.35, 0.14, 0.24  # of the radius of a disk as large as the body
LOG_GAMMA, SHADING, NOISE = 0.35, 0.5, 0.04
BLURRED_SHARE, COARSEST = 0.35, 4.0
RIM_CELL, GAP, MOST_EROSIONS = 4, 4, 20  # pixels per cell; cells


def change_appearance(images: Tensor, generator: torch.Generator) -> Tensor:
    """Make images look as if they came from another site, scanner or preparation.

    A third is matched to the histogram of another image of the batch, a third loses the outer rim of the body, as skull
    stripping takes it; all change gamma, brightness, shading and noise, a third is blurred along one or both axes.

    Args:
        images: normalised to 0 .. 1.25 with a dark background (``foreground-gamma``), shape (N, 1, H, W).
        generator: on the CPU; decides everything.

    Returns:
        New images, 0 .. 1.25, same shape.
    """
    images = images.clamp(0, MAX_SHARE)
    images = match_histograms(images, torch.randperm(len(images), generator=generator), generator)
    images = strip_rim(images, generator)
    images = _recontrasted(images, generator)
    images = _blurred(images, generator)
    strength = NOISE * _uniform(images, generator)
    noise = torch.randn(images.shape, generator=generator).to(images)
    return (images + noise * strength * (images > FOREGROUND)).clamp(0, MAX_SHARE)


def match_histograms(images: Tensor, partners: Tensor, generator: torch.Generator) -> Tensor:
    """Match the foreground histogram of some images to that of their partners, by quantiles.

    Args:
        images: shape (N, 1, H, W).
        partners: index of the image whose histogram each one gets, shape (N,).
        generator: draws which are matched.
    """
    levels = torch.linspace(0, 1, QUANTILES, device=images.device)
    chosen = torch.rand(len(images), generator=generator) < MATCHED_SHARE
    result = images.clone()
    for index in torch.nonzero(chosen)[:, 0].tolist():
        own, other = (image[image > FOREGROUND][::SUBSAMPLE] for image in (images[index], images[partners[index]]))
        if min(own.numel(), other.numel()) < QUANTILES:
            continue
        result[index] = _mapped(images[index], torch.quantile(own, levels), torch.quantile(other, levels))
    return result


def _mapped(image: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """Map the foreground piecewise linearly from one set of quantiles to another."""
    upper = torch.bucketize(image.contiguous(), source).clamp(1, len(source) - 1)
    low, high = source[upper - 1], source[upper]
    share = ((image - low) / (high - low).clamp(min=1e-4)).clamp(0, 1)
    return torch.where(image > FOREGROUND, target[upper - 1] + (target[upper] - target[upper - 1]) * share, image)


def strip_rim(images: Tensor, generator: torch.Generator) -> Tensor:
    """Blacken the outer rim of the body in some images and brighten the rest as its normalisation would.

    The rim is 14 to 24 % of the radius of a disk of the body's area: about what lies outside the brain in a head.
    """
    chosen = torch.nonzero(torch.rand(len(images), generator=generator) < STRIPPED_SHARE)[:, 0].to(images.device)
    share = LEAST_RIM + (MOST_RIM - LEAST_RIM) * torch.rand(len(chosen), 1, 1, 1, generator=generator).to(images)
    if not len(chosen):
        return images
    body = _filled(functional.avg_pool2d(images[chosen], RIM_CELL))
    depth, radius = _depth(body), (body.sum((1, 2, 3), keepdim=True) / math.pi).sqrt()
    margin = functional.interpolate(depth - share * radius, size=images.shape[-2:], mode="bilinear")
    inner = images[chosen] * (margin > 0)
    brightest = torch.quantile(inner.flatten(1)[:, ::SUBSAMPLE], 0.997, dim=1).clamp(min=0.2)
    result = images.clone()
    result[chosen] = (inner / brightest[:, None, None, None]).clamp(0, MAX_SHARE)
    return result


def _filled(coarse: Tensor) -> Tensor:
    """Foreground cells with gaps closed, shape (N, 1, h, w)."""
    body = (coarse > FOREGROUND).to(coarse.dtype)
    return _eroded(functional.max_pool2d(body, 2 * GAP + 1, 1, GAP), GAP)


def _eroded(body: Tensor, reach: int) -> Tensor:
    """Take cells off the border of a body; beyond the image there is no body."""
    padded = functional.pad(body, (reach,) * 4)
    return -functional.max_pool2d(-padded, 2 * reach + 1, 1)


def _depth(body: Tensor) -> Tensor:
    """How many erosions each cell survives."""
    depth, left = torch.zeros_like(body), body
    for _ in range(MOST_EROSIONS):
        left = _eroded(left, 1)
        depth += left
    return depth


def _uniform(images: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(len(images), 1, 1, 1, generator=generator).to(images)


def _recontrasted(images: Tensor, generator: torch.Generator) -> Tensor:
    gamma = torch.exp((2 * _uniform(images, generator) - 1) * LOG_GAMMA)
    bright = 0.85 + 0.3 * _uniform(images, generator)
    field = torch.rand(len(images), 1, 3, 3, generator=generator).to(images) - 0.5
    shading = functional.interpolate(field, size=images.shape[-2:], mode="bicubic", align_corners=True)
    return images**gamma * bright * (1 + SHADING * shading * _uniform(images, generator))


def _blurred(images: Tensor, generator: torch.Generator) -> Tensor:
    """Sample some images more coarsely along one axis or both, as thick slices do when they are reformatted."""
    chosen = torch.rand(len(images), generator=generator) < BLURRED_SHARE
    factors = 1 + (COARSEST - 1) * torch.rand(len(images), 2, generator=generator)
    lone = torch.rand(len(images), generator=generator) < 0.5
    result, (height, width) = images.clone(), images.shape[-2:]
    for index in torch.nonzero(chosen)[:, 0].tolist():
        rows, columns = factors[index].tolist()
        size = max(1, round(height / rows)), max(1, round(width / (1.0 if lone[index] else columns)))
        coarse = functional.interpolate(images[index : index + 1], size=size, mode="area")
        result[index : index + 1] = functional.interpolate(coarse, size=(height, width), mode="bilinear")
    return result
