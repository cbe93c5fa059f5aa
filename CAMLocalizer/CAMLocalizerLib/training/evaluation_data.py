"""What a model is to be asked about: the images of a table, as the model sees them and before, with their masks."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import GridError, InputError, SettingsError, Volume
from ..io import read_volume
from ..io.reader import read_image
from ..models import ModelCard
from ..views import SliceStack, acquisition_plane
from .checks import Problems, did_you_mean
from .config import DataOptions, InputOptions
from .dataset import Prepared, prepare
from .images import patient_folds
from .roi_set import RoiSet
from .table import Row, read_table

MASK_COLUMN = "mask"
HALF = 0.5


@dataclass(frozen=True, eq=False)
class EvaluationData:
    """Images twice, in the same order.

    Args:
        images: as the model takes them, shape (N, 1, H, W).
        rois: grey, each image scaled from its minimum to its maximum in 8 bits, with masks if there are any.
    """

    images: NDArray[np.float32]
    rois: RoiSet


@dataclass(frozen=True)
class Sources:
    """Where the data lie.

    Args:
        table: CSV with file, label and patient, and perhaps fold, slice and mask.
        images: folder that the table's files are relative to; the table's own if None.
        masks: folder with a mask for each image that has a tumour, of the same name; None to use the column ``mask``.
    """

    table: Path
    images: Path | None = None
    masks: Path | None = None

    @property
    def image_folder(self) -> Path:
        """What the table's files are relative to."""
        return self.table.parent if self.images is None else self.images


def read_evaluation_data(
    sources: Sources,
    card: ModelCard,
    *,
    folds: int | None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> EvaluationData:
    """Read every image of a table as the model would see it.

    Args:
        sources: where the data lie.
        card: the model's description; labels are names of its classes, not all of which need be there.
        folds: folds to deal the patients into, where the table has none; None if no folds are needed.
        seed: of the folds.
        progress: called after each file with (files done, files).

    Raises:
        InputError: everything that is wrong with table, images and masks, at once.
        SettingsError: a model of projections.
    """
    problems = Problems()
    if card.projections:
        raise SettingsError(f"{card.name} looks at projections of a volume; evaluate takes models of slices")
    rows = read_table(sources.table, sources.image_folder, DataOptions(table=sources.table.name), problems)
    for label in sorted({row.label for row in rows} - set(card.classes)):
        near = did_you_mean(label, card.classes)
        problems.add(f"{sources.table}: label {label!r} is no class of {card.name}{near}")
    masks = _mask_paths(sources, rows, problems)
    found = []
    by_file: dict[Path, list[Row]] = {}
    for row in rows:
        by_file.setdefault(row.path, []).append(row)
    for count, (path, members) in enumerate(by_file.items(), 1):
        with problems.noted():
            found.append(_read(path, members, card, masks.get(path)))
        if progress is not None:
            progress(count, len(by_file))
    problems.raise_if_any(str(sources.table))
    with problems.noted():
        data = _assembled(found, card, folds, seed, masked=bool(masks))
    problems.raise_if_any(str(sources.table))
    return data


@dataclass(frozen=True, eq=False)
class _File:
    seen: Prepared
    grey: NDArray[np.float32]
    truth: NDArray[np.bool_]


def _read(path: Path, rows: Sequence[Row], card: ModelCard, mask: Path | None) -> _File:
    volume = read_volume(path)
    plane = acquisition_plane(volume.grid)
    view = plane if plane in card.views or 1 in volume.grid.size else card.views[0]
    options = InputOptions(spacing_mm=card.spacing_mm, size=card.size, normalisation=card.normalisation, view=view)
    seen = prepare(volume, rows, options)
    raw = prepare(volume, rows, replace(options, normalisation="none")).images
    return _File(seen, _eight_bits(raw), _truth(seen, volume, mask, view, card))


def _eight_bits(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each image from its minimum to its maximum and round to 256 levels; 0 to 1."""
    low, high = images.min(axis=(1, 2), keepdims=True), images.max(axis=(1, 2), keepdims=True)
    return (np.rint(255 * (images - low) / np.maximum(high - low, 1e-12)) / 255).astype(np.float32)


def _truth(seen: Prepared, volume: Volume, path: Path | None, view: str, card: ModelCard) -> NDArray[np.bool_]:
    if path is None:
        return np.zeros(seen.images.shape, dtype=bool)
    raw = read_image(path)
    if not raw.grid.matches(volume.grid):
        raise GridError(f"{path}: the mask lies on another grid than {seen.rows[0].path}; resample it to the image")
    inside = raw.array_kji > 0
    if inside.all() or not inside.any():  # a volume of one value is none
        return np.full(seen.images.shape, bool(inside.all()))
    mask = Volume(inside.astype(np.float32), volume.grid, name=path.name)
    stack = SliceStack(mask, view, spacing_mm=card.spacing_mm, size=card.size)
    several = len(stack) > 1
    indices = [int(name.rsplit(":", 1)[1]) if several else 0 for name in seen.names]
    return stack.batch(0, len(stack))[indices] >= HALF


def _mask_paths(sources: Sources, rows: Sequence[Row], problems: Problems) -> dict[Path, Path]:
    """Find the mask of each image file; files without one show no tumour."""
    named = _mask_column(sources.table, rows) if sources.masks is None else {}
    found: dict[Path, Path] = {}
    for row in rows:
        path = sources.masks / row.file if sources.masks is not None else named.get(row.line)
        if path is None or (sources.masks is not None and not path.exists()):
            continue
        if not path.exists():
            problems.add(f"{sources.table}, line {row.line}: mask {path} does not exist")
        elif found.setdefault(row.path, path) != path:
            problems.add(f"{sources.table}, line {row.line}: another mask for {row.file} than in a line before")
    if sources.masks is not None and rows and not found:
        problems.add(f"{sources.masks}: has no mask named like an image, such as {rows[0].file}")
    return found


def _mask_column(table: Path, rows: Sequence[Row]) -> dict[int, Path]:
    """Read the column ``mask``: line to path, relative to the table's folder; empty cells are left out."""
    if not rows:
        return {}
    text = table.read_text(encoding="utf-8-sig")
    header = text.partition("\n")[0]
    reader = csv.DictReader(StringIO(text, newline=""), delimiter=";" if header.count(";") > header.count(",") else ",")
    cells = [(reader.line_num, (values.get(MASK_COLUMN) or "").strip()) for values in reader]
    return {line: table.parent / cell for line, cell in cells if cell}


def _assembled(
    found: Sequence[_File], card: ModelCard, folds: int | None, seed: int, *, masked: bool
) -> EvaluationData:
    rows = [row for each in found for row in each.seen.rows]
    labels = np.array([card.classes.index(row.label) for row in rows], dtype=np.int64)
    patients = np.array([row.patient for row in rows])
    rois = RoiSet(
        grey=np.concatenate([each.grey for each in found]),
        labels=labels,
        classes=card.classes,
        patients=patients,
        folds=_folds(rows, patients, labels, folds, seed),
        names=np.array([name for each in found for name in each.seen.names]),
        truth=np.concatenate([each.truth for each in found]) if masked else None,
    )
    if masked and rois.truth is not None and not rois.truth.any():
        raise InputError("none of the masks has a pixel inside what the model sees")
    return EvaluationData(np.concatenate([each.seen.images for each in found])[:, None], rois)


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
