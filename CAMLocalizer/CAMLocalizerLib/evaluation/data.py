"""The images of a table, before and after normalisation for the model, with their masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, Volume
from ..io import read_volume
from ..models import ModelCard
from ..training.checks import Problems, did_you_mean
from ..training.config import InputOptions
from ..training.dataset import Prepared, prepare
from ..training.images import patient_folds
from ..training.table import Row, by_file_and_view, read_table
from ..views import PROJECTIONS, SliceStack, acquisition_plane
from .projection_pairs import HALF, Pair, PairSource, centred, common_size, read_pair
from .roi_set import RoiSet
from .sources import Sources, mask_paths, read_mask

ONE_SCALE = {1: 1}


@dataclass(frozen=True, eq=False)
class EvaluationData:
    """Images twice, in the same order.

    Args:
        images: as the model takes them, shape (N, 1, H, W). Projections of smaller volumes lie in the middle of
            zeros; the model is shown them without these.
        rois: grey values with masks if there are any: slices scaled from minimum to maximum in 8 bits each,
            projections as `read_pair` gives them.
        pairs: of a model of projections, the volume behind each two images; else empty.
        notes: what had to be assumed of the images, in sentences.
    """

    images: NDArray[np.float32]
    rois: RoiSet
    pairs: tuple[PairSource, ...] = ()
    notes: tuple[str, ...] = ()


def read_evaluation_data(
    sources: Sources,
    card: ModelCard,
    *,
    folds: int | None,
    seed: int = 0,
    strides: Mapping[int, int] = ONE_SCALE,
    progress: Callable[[int, int], None] | None = None,
) -> EvaluationData:
    """Read every image of a table as the model would see it.

    Args:
        sources: where the data lie.
        card: the model's description; labels are names of its classes, not all of which need be there.
        folds: folds to deal the patients into, where the table has none; None if no folds are needed, and then
            images of a single class will do.
        seed: of the folds.
        strides: scale to pixels per cell of the model's network, on which the size of projections depends.
        progress: called after each file with (files done, files).

    Raises:
        InputError: everything that is wrong with table, images and masks, at once.
    """
    problems = Problems()
    fewest = 1 if folds is None else 2
    rows = read_table(sources.table, sources.image_folder, sources.options, problems, fewest_labels=fewest)
    for label in sorted({row.label for row in rows} - set(card.classes)):
        near = did_you_mean(label, card.classes)
        problems.add(f"{sources.table}: label {label!r} is not a class of {card.name}{near}")
    masks = mask_paths(sources, rows, problems)
    slices: list[_File] = []
    pairs: list[Pair] = []
    by_file = by_file_and_view(rows)
    for count, ((path, _), members) in enumerate(by_file.items(), 1):
        with problems.noted():
            if card.projections:
                pairs.append(read_pair(path, members[0], card, masks.get(path), strides))
            else:
                slices.append(_read(path, members, card, masks.get(path)))
        if progress is not None:
            progress(count, len(by_file))
    problems.raise_if_any(str(sources.table))
    with problems.noted():
        data = _assembled(slices + _at_one_size(pairs), card, folds, seed, masked=bool(masks))
    problems.raise_if_any(str(sources.table))
    return _with_pairs(data, pairs) if pairs else data


@dataclass(frozen=True, eq=False)
class _File:
    images: NDArray[np.float32]
    grey: NDArray[np.float32]
    truth: NDArray[np.bool_]
    rows: tuple[Row, ...]
    names: tuple[str, ...]


def _read(path: Path, rows: Sequence[Row], card: ModelCard, mask: Path | None) -> _File:
    volume = read_volume(path)
    plane = acquisition_plane(volume.grid)
    usual = plane if plane in card.views or 1 in volume.grid.size else card.views[0]
    view = rows[0].view or usual
    options = InputOptions(
        spacing_mm=card.spacing_mm, size=card.size, normalisation=card.normalisation, view=view, centre=card.centre
    )
    seen = prepare(volume, rows, options)
    raw = prepare(volume, rows, replace(options, normalisation="none")).images
    return _File(seen.images, _eight_bits(raw), _truth(seen, volume, mask, view, card), seen.rows, seen.names)


def _eight_bits(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each image from its minimum to its maximum and round to 256 levels; 0 to 1."""
    low, high = images.min(axis=(1, 2), keepdims=True), images.max(axis=(1, 2), keepdims=True)
    return (np.rint(255 * (images - low) / np.maximum(high - low, 1e-12)) / 255).astype(np.float32)


def _truth(seen: Prepared, volume: Volume, path: Path | None, view: str, card: ModelCard) -> NDArray[np.bool_]:
    if path is None:
        return np.zeros(seen.images.shape, dtype=bool)
    inside = read_mask(path, volume.grid, seen.rows[0].path)
    if inside.all() or not inside.any():  # a volume of one value is none
        return np.full(seen.images.shape, bool(inside.all()))
    stack = SliceStack(volume, view, spacing_mm=card.spacing_mm, size=card.size, centre=card.centre)
    several = len(stack) > 1
    indices = [int(name.rsplit(":", 1)[1]) if several else 0 for name in seen.names]
    return stack.batch(0, len(stack), inside)[indices] >= HALF


def _at_one_size(pairs: Sequence[Pair]) -> list[_File]:
    """Bring projections to a size that holds all of them."""
    if not pairs:
        return []
    size = common_size(pairs)
    return [
        _File(
            centred(pair.images, size),
            centred(pair.grey, size),
            centred(pair.truth, size),
            (pair.row, pair.row),
            tuple(f"{pair.row.file}:{plane}" for plane in PROJECTIONS),
        )
        for pair in pairs
    ]


def _with_pairs(data: EvaluationData, pairs: Sequence[Pair]) -> EvaluationData:
    return replace(
        data,
        rois=replace(data.rois, planes=np.array(PROJECTIONS * len(pairs))),
        pairs=tuple(pair.source for pair in pairs),
        notes=tuple(note for pair in pairs for note in pair.notes),
    )


def _assembled(
    found: Sequence[_File], card: ModelCard, folds: int | None, seed: int, *, masked: bool
) -> EvaluationData:
    rows = [row for each in found for row in each.rows]
    labels = np.array([card.classes.index(row.label) for row in rows], dtype=np.int64)
    patients = np.array([row.patient for row in rows])
    rois = RoiSet(
        grey=np.concatenate([each.grey for each in found]),
        labels=labels,
        classes=card.classes,
        patients=patients,
        folds=_folds(rows, patients, labels, folds, seed),
        names=np.array([name for each in found for name in each.names]),
        truth=np.concatenate([each.truth for each in found]) if masked else None,
    )
    if masked and rois.truth is not None and not rois.truth.any():
        raise InputError("none of the masks has a pixel inside what the model sees")
    return EvaluationData(np.concatenate([each.images for each in found])[:, None], rois)


def _folds(
    rows: Sequence[Row], patients: NDArray[np.str_], labels: NDArray[np.int64], count: int | None, seed: int
) -> NDArray[np.int64]:
    """Take the table's folds if it has any, else deal the patients; one fold for all where none is needed."""
    if count is None:
        return np.ones(len(rows), dtype=np.int64)
    given = np.array([row.fold or 0 for row in rows], dtype=np.int64)
    if not given.any():
        return patient_folds(patients, labels, count, seed)
    if len(np.unique(given)) == 1:
        raise InputError("the column fold has one fold only; retraining needs two at least")
    return given
