"""The files of a table with their masks, checked before a model runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..core import Grid
from ..io import read_volume
from ..localizer.inference import has_content
from ..localizer.inputs import check_extent, check_unit
from ..models import ModelCard
from ..training.checks import Problems, did_you_mean
from ..training.table import Row, by_file_and_view, read_table
from ..views import acquisition_plane, plane_axes
from .assessment import LabelledFile, is_tumour, known_labels
from .sources import PLANE_COLUMN, Sources, mask_paths, read_column, read_mask


def read_labelled_files(sources: Sources, card: ModelCard, problems: Problems) -> list[LabelledFile]:
    """Read the table and find each file's mask, site and plane.

    Args:
        sources: where the data lie.
        card: of the model; labels are its classes, ``none`` for no tumour or ``tumour`` for one of unknown type.
        problems: takes a sentence for everything that is wrong.
    """
    free = {label for label in known_labels(card) if not is_tumour(label, card)}
    rows = read_table(sources.table, sources.image_folder, sources.options, problems, fewest_labels=1, tumour_free=free)
    for label in sorted({row.label for row in rows} - set(known_labels(card))):
        near = did_you_mean(label, known_labels(card))
        problems.add(f"{sources.table}: label {label!r} is not a class of {card.name}{near}")
    masks = mask_paths(sources, rows, problems)
    if not rows:
        return []
    planes = read_column(sources, PLANE_COLUMN, problems)
    return [
        LabelledFile(path, tuple(each), masks.get(path), each[0].site, planes.get(each[0].line, "").lower(), view)
        for (path, view), each in by_file_and_view(rows).items()
    ]


def check_files(files: Sequence[LabelledFile], card: ModelCard, problems: Problems) -> None:
    """Read every image and mask once, so that all problems are known before the model runs.

    Args:
        files: of the table.
        card: of the model.
        problems: takes a sentence for each file that cannot be judged.
    """
    for file in files:
        with problems.noted():
            _check(file, card, problems)


def _check(file: LabelledFile, card: ModelCard, problems: Problems) -> None:
    if len({row.patient for row in file.rows}) > 1:
        problems.add(f"{file.path}: belongs to several patients, expected one for all its slices")
    volume = read_volume(file.path)
    if card.projections:
        check_unit(volume, card)
        check_extent(volume, card, 0)
    mask = None if file.mask is None else read_mask(file.mask, volume.grid, file.path)
    if file.view and file.view not in card.views:
        views = ", ".join(card.views)
        problems.add(f"{file.path}: view {file.view!r} is not one of {card.name}, which takes {views}")
        return
    axes = plane_axes(volume.grid, file.view or slice_view(volume.grid, card))
    present = has_content(axes.as_slices(volume.array_kji))
    for row in file.rows:
        if fault := _slice_fault(row, present, card):
            problems.add(f"{row.path} (line {row.line}): {fault}")
        elif mask is not None and row.label in known_labels(card) and not is_tumour(row.label, card):
            marked = np.count_nonzero(mask if row.slice is None else axes.as_slices(mask)[row.slice])
            if marked:
                problems.add(
                    f"{row.path} (line {row.line}): labelled {row.label!r}, which is not a tumour, but its mask marks "
                    f"{marked} voxels; correct one of both"
                )


def _slice_fault(row: Row, present: NDArray[np.bool_], card: ModelCard) -> str:
    if row.slice is None:
        return "" if present.any() else "every slice is blank"
    if card.projections:
        return "projections are labelled as a whole, not by slice"
    if row.slice >= len(present):
        return f"slice {row.slice} does not exist; there are {len(present)}, counted from 0"
    return "" if present[row.slice] else f"slice {row.slice} is blank; leave it out"


def slice_view(grid: Grid, card: ModelCard) -> str:
    """Return the plane that :class:`~CAMLocalizerLib.localizer.Localizer` uses if none is given."""
    plane = acquisition_plane(grid)
    return plane if plane in card.views else card.views[0]
