"""Projections of whole volumes for an evaluation: read, explained and measured a volume at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..core import InputError, Volume
from ..io import read_volume
from ..localizer import Localizer
from ..localizer.inference import has_content
from ..localizer.inputs import check_extent, check_unit, check_uptake
from ..metrics import dice
from ..models import ModelBundle, ModelCard
from ..training.table import Row
from ..views import PIXELS_PER_CELL, PROJECTIONS, ProjectionPair, normalise_slices, projection_size
from .filters import PG_CAM, fuse_scales, map_method
from .sources import read_mask

HALF = 0.5
SUV_30 = "suv-30"


@dataclass(frozen=True, eq=False)
class PairSource:
    """The volume behind two projections.

    Args:
        path: of the volume.
        mask: of the tumour, on the volume's grid; None where there is none.
        inside: pixels of each projection that the volume covers, shape (2, h, w), in the size in which the model sees
            it.
    """

    path: Path
    mask: Path | None
    inside: NDArray[np.bool_]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the projections as the model sees them."""
        return self.inside.shape[1], self.inside.shape[2]


@dataclass(frozen=True, eq=False)
class Pair:
    """Two projections of a volume, coronal and sagittal, in the size in which the model sees them.

    Args:
        source: where they come from.
        row: line of the table.
        images: as the model takes them, shape (2, h, w).
        grey: 0 to 1, 0 where there is no uptake, the same shape.
        truth: projected mask, the same shape.
        notes: what had to be assumed, in sentences.
    """

    source: PairSource
    row: Row
    images: NDArray[np.float32]
    grey: NDArray[np.float32]
    truth: NDArray[np.bool_]
    notes: tuple[str, ...] = ()


def read_pair(path: Path, row: Row, card: ModelCard, mask: Path | None, strides: Mapping[int, int]) -> Pair:
    """Project a volume exactly as `Localizer` does.

    Args:
        path: of the volume.
        row: its line of the table.
        card: of a model of projections.
        mask: path of the tumour's mask; None for none.
        strides: scale to pixels per cell of the model's network.

    Returns:
        The projections. Grey values are 0 to 30 SUV; of a model with another normalisation 0 to the volume's maximum.
        The mask is resampled as the image and projected by its maximum; pixels of at least 0.5 belong to it.

    Raises:
        InputError: a line for a slice, a volume in another unit or too thin, or a blank projection.
        GridError: the mask lies on another grid.
    """
    if row.slice is not None:
        raise InputError(f"{path} (line {row.line}): projections are labelled as a whole, not by slice")
    volume = read_volume(path)
    notes = check_unit(volume, card)
    check_extent(volume, card, min(strides.values()) * card.spacing_mm)
    size = projection_size(volume.grid, card.spacing_mm, card.size, math.lcm(PIXELS_PER_CELL, *strides.values()))
    pair = ProjectionPair(volume, spacing_mm=card.spacing_mm, size=size)
    notes += check_uptake(pair, card)
    if not has_content(pair.images).all():
        raise InputError(f"{path} (line {row.line}): a projection is blank; leave it out")
    inside = np.stack([_inside(pair, plane) for plane in PROJECTIONS])
    images = normalise_slices(pair.images, card.normalisation)
    grey = images if card.normalisation == SUV_30 else np.clip(pair.images / max(pair.images.max(), 1e-12), 0, 1)
    return Pair(PairSource(path, mask, inside), row, images, grey, _projected(mask, pair, inside, path), tuple(notes))


def _inside(pair: ProjectionPair, plane: str) -> NDArray[np.bool_]:
    """Return which pixels of a projection have their centre in the volume, shape (h, w)."""
    grid, covered = pair.volume.grid, []
    for axis, pixels in zip(pair.axes(plane).axes, pair.pixels, strict=False):
        from_middle_mm = np.abs(np.arange(pixels) - (pixels - 1) / 2) * pair.spacing_mm
        covered.append(from_middle_mm < grid.size[axis] * grid.spacing_mm[axis] / 2)
    columns, rows = covered
    return rows[:, None] & columns[None]


def _projected(path: Path | None, pair: ProjectionPair, inside: NDArray[np.bool_], image: Path) -> NDArray[np.bool_]:
    if path is None:
        return np.zeros(inside.shape, dtype=bool)
    mask = read_mask(path, pair.volume.grid, image)
    if mask.all() or not mask.any():  # a volume of one value is none
        return inside & mask.any()
    marked = Volume(mask.astype(np.float32), pair.volume.grid, name=path.name)
    return ProjectionPair(marked, spacing_mm=pair.spacing_mm, size=pair.pixels).images >= HALF


def common_size(pairs: Sequence[Pair]) -> tuple[int, int]:
    """Return the least height and width that hold all projections."""
    heights, widths = zip(*(each.source.size for each in pairs), strict=True)
    return max(heights), max(widths)


def centred(images: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Cut images (N, h, w) or add zeros around them, the middle staying the middle.

    Projections are centred on their volume and even in size, so this changes nothing in what remains.

    Args:
        images: of even height and width.
        size: height and width wanted, even too.
    """
    spare = [(wanted - had) // 2 for wanted, had in zip(size, images.shape[1:], strict=True)]
    kept = images[:, *(slice(max(0, -n), had + min(0, n)) for n, had in zip(spare, images.shape[1:], strict=True))]
    return np.pad(kept, ((0, 0), *((max(0, n), max(0, n)) for n in spare)))


def explain_pairs(
    network: nn.Module,
    images: NDArray[np.float32],
    sources: Sequence[PairSource],
    targets: Callable[[Tensor], Tensor],
    *,
    scales: Mapping[int, float] | None = None,
    method: str = PG_CAM,
    device: str = "cpu",
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Classify and explain projections, those of a volume together and in the size of `Localizer`.

    Args:
        network: classifier with ``cam_layers``.
        images: two projections of each volume, shape (2 * volumes, 1, H, W).
        sources: volumes in the same order.
        targets: gives the logits (2, classes) of a volume what to explain.
        scales: scale to weight; all scales alike if not given.
        method: as for `build_method`.
        device: torch's name.

    Returns:
        Logits (2 * volumes, classes), and maps as those of `activation_maps`, zero around the volume.
    """
    network.to(device)
    logits, maps = [], []
    with map_method(network, method, scales) as explain:
        for number, source in enumerate(sources):
            shown = centred(images[2 * number : 2 * number + 2, 0], source.size)
            explained = explain(torch.from_numpy(shown)[:, None].to(device), targets)
            found = fuse_scales(explained.maps, source.size, scales, within=source.inside)
            logits.append(explained.logits.float().cpu().numpy())
            maps.append(centred(found, (images.shape[2], images.shape[3])))
    return np.concatenate(logits), np.concatenate(maps)


def label_map_dices(bundle: ModelBundle, sources: Sequence[PairSource], device: str = "cpu") -> Iterator[float]:
    """Yield the 3D Dice of each volume's label map, made as by ``camlocalizer localize``, and its mask.

    Volumes without a mask, or with an empty one, are left out.
    """
    localizer = Localizer(bundle, device=device)
    for source in sources:
        if source.mask is None:
            continue
        volume = read_volume(source.path)
        truth = read_mask(source.mask, volume.grid, source.path)
        if truth.any():
            yield dice(truth, localizer.run(volume).label_map().array_kji)
