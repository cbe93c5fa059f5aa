"""The point loss: class and distance of the map to one point at the tumour's centre."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..core import ModelError, SettingsError
from .fitting import Batch, Objective

TEMPERATURE = 0.1
LOWEST_MAXIMUM = 1e-3
LOWEST_VARIANCE_MM2 = 1e-2  # keeps the root's gradient finite


def point_loss(
    weight: float = 0.02,
    spacing_mm: float = 2.0,
    *,
    temperature: float = TEMPERATURE,
    spread: float = 0.0,
    class_weights: Tensor | None = None,
) -> Objective:
    """Return the two losses of the published system, summed: loss 1 + weight * loss 2.

    Loss 1 is the cross-entropy of the class (binary for two classes). Loss 2 is the distance in mm between the soft
    argmax of the true class's map and the point at the tumour's centre, averaged over the images whose point is known.

    Our reading, where the paper leaves freedom: it calls loss 2 the "distance between the generated CAM and the
    central point" and gives neither formula nor weight. The soft argmax is the mean position of the cells under a
    softmax of the map over all cells; it is differentiable everywhere and in millimetres, so a weight means the same at
    any image size. The map is normalised by its maximum first (Eq. 1), which lets one temperature serve all stages of
    training: at 0.1 the peak counts e^10 times as much as a cell without evidence.

    A mean position can be right while nothing peaks there: two spots on either side of the tumour, or a broad band,
    satisfy it, and in bodies that all look alike training finds such maps. ``spread`` adds the distribution's standard
    deviation around its mean, which only one compact spot keeps low.

    Args:
        weight: of a millimetre; at least 0, and 0 leaves the class alone.
        spacing_mm: of the images' pixels; positive.
        temperature: of the softmax, in units of the map's maximum; positive.
        spread: of a millimetre of spread, relative to a millimetre of distance; at least 0.
        class_weights: weight of each class in loss 1, shape (classes,).

    Returns:
        An objective for :func:`~CAMLocalizerLib.training.fitting.fit_classifier`. It needs a network with ``features``
        and a linear ``head``, as the PET networks have, and batches with points unless weight is 0.

    Raises:
        SettingsError: a weight or spread below 0, or a spacing or temperature that is not positive.

    Source:
        Amyar et al., Weakly Supervised PET Tumor Detection Using Class Response, 2020, section 2, Eq. 1, and 2.2. The
        spread: Nibali et al., Numerical Coordinate Regression with Convolutional Neural Networks, 2018, section 3.3.
    """
    if min(weight, spread) < 0 or min(spacing_mm, temperature) <= 0:
        raise SettingsError(
            f"the point loss needs a weight and spread of at least 0 and a positive spacing and temperature, got "
            f"{weight}, {spread}, {spacing_mm} mm and {temperature}"
        )

    def objective(network: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        seen: list[Tensor] = []
        features, head = _parts(network)
        handle = features.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
        try:
            logits = network(batch.images)
        finally:
            handle.remove()
        weights = None if class_weights is None else class_weights.to(logits)
        loss = functional.cross_entropy(logits.float(), batch.labels, weight=weights)
        if weight > 0:
            maps = class_maps(seen[0], head.weight, batch.labels)
            loss = loss + weight * _mean_distance_mm(maps, batch, spacing_mm, temperature, spread)
        return loss, logits

    # an interrupted run resumes only under the same loss, which this name identifies
    parts = [f"{number:g}" for number in (weight, spacing_mm, temperature, *([spread] if spread else []))]
    objective.__qualname__ = f"point_loss({', '.join(parts)}, {class_weights})"
    return objective


def _parts(network: Any) -> tuple[nn.Module, nn.Linear]:
    features, head = getattr(network, "features", None), getattr(network, "head", None)
    if not isinstance(features, nn.Module) or not isinstance(head, nn.Linear):
        raise ModelError(
            f"the point loss needs a network with 'features' and a linear 'head', {type(network).__name__} has none; "
            "use pet_cnn or pet_fcn"
        )
    return features, head


def class_maps(features: Tensor, weights: Tensor, labels: Tensor) -> Tensor:
    """Return each image's map of its own class, divided by its maximum (Eq. 1).

    Args:
        features: last feature maps, (N, C, h, w).
        weights: of the linear layer, (classes, C).
        labels: class of each image, (N,).

    Returns:
        (N, h, w), float32; the highest cell is 1, cells that speak against the class are negative. A map without any
        positive cell is divided by 0.001 instead, so that its gradient still leads up.
    """
    maps = torch.einsum("nchw,nc->nhw", features.float(), weights.float()[labels])
    highest = maps.flatten(1).amax(dim=1).clamp_min(LOWEST_MAXIMUM)
    return maps / highest[:, None, None]


def cell_weights(maps: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Return the softmax of each map over its cells; maps and result (N, h, w)."""
    return torch.softmax(maps.flatten(1) / temperature, dim=1).reshape(maps.shape)  # (N, h, w)


def mean_position(weights: Tensor, positions: Tensor) -> Tensor:
    """Return the mean of the cells' positions, (h, w, 2), under weights, (N, h, w); result (N, 2).

    Under the weights of :func:`cell_weights` this is the soft argmax of the maps.
    """
    return torch.einsum("nhw,hwd->nd", weights, positions)


def cell_positions(maps: Tensor) -> Tensor:
    """Return the (column, row) of every cell, shape (h, w, 2)."""
    sides = (torch.arange(side, device=maps.device, dtype=maps.dtype) for side in maps.shape[1:])
    rows, columns = torch.meshgrid(*sides, indexing="ij")
    return torch.stack([columns, rows], dim=-1)


def _mean_distance_mm(maps: Tensor, batch: Batch, spacing_mm: float, temperature: float, spread: float) -> Tensor:
    if batch.points is None:
        raise SettingsError("the point loss needs centre points; give them with the images, or take weight 0")
    known = ~batch.points.isnan().any(dim=1)
    if not bool(known.any()):
        return maps.sum() * 0.0
    sides = torch.tensor([batch.images.shape[-1] / maps.shape[-1], batch.images.shape[-2] / maps.shape[-2]])
    stride = sides.to(maps)
    weights = cell_weights(maps[known], temperature)
    cells_mm = (cell_positions(weights) * stride + (stride - 1) / 2) * spacing_mm
    found_mm = mean_position(weights, cells_mm)
    distance = torch.linalg.vector_norm(found_mm - batch.points[known].to(maps) * spacing_mm, dim=1)
    if spread == 0:
        return distance.mean()
    offsets = cells_mm - found_mm[:, None, None]  # (N, h, w, 2)
    variance = (weights * offsets.square().sum(dim=-1)).sum(dim=(1, 2))
    return (distance + spread * (variance + LOWEST_VARIANCE_MM2).sqrt()).mean()
