"""How much each part of an image differs from the images of other patients."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..images import ImageSet
from .encoded import FrozenEncoder

COMPONENTS = 96  # of the encoder's features
WHITENING = 0.5  # exponent of the standard deviation that components are divided by
REACH = 1  # cells in which an image of another patient is searched
NEAREST_PATIENTS = 3
UNSYMMETRIC_PLANE = "sagittal"
CHUNK = 32  # images encoded at once


def anomaly_maps(
    encoder: FrozenEncoder,
    images: ImageSet,
    wanted: NDArray[np.bool_],
    *,
    symmetric: bool,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """Measure how far each cell's features are from the nearest ones of other patients at about the same place.

    Only images of the same site and plane are compared, so that neither tells a place apart; most of them are
    unremarkable wherever one of them is not. The distance is the mean of those to the three most similar patients.

    Args:
        encoder: its coarsest maps are compared.
        images: with patients, and sites and planes where known.
        wanted: images whose anomaly is wanted, shape (N,).
        symmetric: also compare with mirror images, except in sagittal planes.
        progress: called with (groups done, groups).

    Returns:
        At least 0, shape (N, h, w) at the encoder's coarsest stride; 0 for images not wanted and for those of a site
        and plane with fewer than three other patients.

    Source:
        Nearest neighbours among features of unremarkable images: Roth et al., PatchCore, CVPR 2022.
    """
    features = _features(encoder, torch.from_numpy(images.images))
    found = np.zeros(features.shape[:3], dtype=np.float32)
    group = _site_and_plane(images)
    numbers = np.unique(group[wanted])
    for done, number in enumerate(numbers, 1):
        members = np.flatnonzero(group == number)
        patients = np.unique(images.patients[members], return_inverse=True)[1]
        if patients.max() >= NEAREST_PATIENTS:
            plane = "" if images.planes is None else str(images.planes[members[0]])
            mirrored = symmetric and plane != UNSYMMETRIC_PLANE
            asked = np.flatnonzero(wanted[members])
            found[members[asked]] = _distances(features[members], patients, asked, mirrored=mirrored)
        if progress is not None:
            progress(done, len(numbers))
    return found


def _features(encoder: FrozenEncoder, images: Tensor) -> Tensor:
    """Encode images (N, 1, H, W) and reduce the features to their main components, (N, h, w, C)."""
    parts = []
    for part in images.split(CHUNK):
        coarse = encoder(part.to(encoder.device))[-1]
        parts.append(functional.avg_pool2d(coarse, 3, 1, 1, count_include_pad=False).cpu())
    maps = torch.cat(parts).permute(0, 2, 3, 1)
    cells = maps.reshape(-1, maps.shape[3])
    cells = (cells - cells.mean(0)) / cells.std(0).clamp(min=1e-3)
    variances, directions = torch.linalg.eigh(cells.T @ cells / len(cells))
    count = min(COMPONENTS, len(variances))
    scale = variances[-count:].clamp(min=1e-6).sqrt() ** WHITENING
    return (cells @ directions[:, -count:] / scale).reshape(*maps.shape[:3], count)


def _site_and_plane(images: ImageSet) -> NDArray[np.int64]:
    number = np.zeros(len(images), dtype=np.int64)
    for values in (images.sites, images.planes):
        if values is not None:
            index = np.unique(values, return_inverse=True)[1]
            number = number * (index.max(initial=0) + 1) + index
    return number


def _distances(
    features: Tensor, patients: NDArray[np.int64], asked: NDArray[np.int64], *, mirrored: bool
) -> NDArray[np.float32]:
    """Compare images (N, h, w, C), those at ``asked``, with the others patient by patient, (len(asked), h, w)."""
    others, owner = features, patients
    if mirrored:
        others, owner = torch.cat([features, features.flip(2)]), np.concatenate([patients, patients])
    order = np.argsort(owner, kind="stable")
    others, bounds = others[order], np.searchsorted(owner[order], np.arange(patients.max() + 2))
    squares, own = others.square().sum(-1), torch.from_numpy(patients[asked])
    height, width = features.shape[1:3]
    found = torch.zeros(len(asked), height, width)
    for row in range(height):
        rows = slice(max(0, row - REACH), row + REACH + 1)
        for column in range(width):
            columns = slice(max(0, column - REACH), column + REACH + 1)
            cells = features[asked, row, column]
            near = others[:, rows, columns].flatten(1, 2)  # (M, cells, C)
            products = (cells.bfloat16() @ near.flatten(0, 1).T.bfloat16()).float().reshape(len(cells), *near.shape[:2])
            distance = cells.square().sum(-1)[:, None] + (squares[:, rows, columns].flatten(1) - 2 * products).amin(2)
            by_patient = torch.stack([distance[:, first:last].amin(1) for first, last in pairwise(bounds)], 1)
            by_patient[torch.arange(len(own)), own] = torch.inf
            nearest = by_patient.clamp(min=0).topk(NEAREST_PATIENTS, largest=False).values
            found[:, row, column] = nearest.mean(1).sqrt()
    return found.numpy()
