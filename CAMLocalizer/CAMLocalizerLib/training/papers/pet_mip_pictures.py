"""Pictures of the PET paper: both projections of a patient with the maps of each row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core import Volume
from ...localizer import Localizer
from ...localizer.projection_localization import ProjectionLocalization
from ...models import ModelBundle
from ...views import PROJECTIONS, ProjectionPair
from ..pet_evaluation import PETCase, projected_mask
from .pictures import Panel, panel_grid

WINDOW_SUV = 8.0  # what is hotter is shown black, as readers look at PET


def draw_cases(path: Path, cases: Iterable[PETCase], bundles: Mapping[str, ModelBundle]) -> None:
    """Draw a row per case and projection: the image with the truth, then each bundle's map and what it found."""
    localizers = {name: Localizer(bundle, device="cpu") for name, bundle in bundles.items()}
    rows = []
    for case in cases:
        found = {name: _located(localizer, case) for name, localizer in localizers.items()}
        pair = next(iter(found.values())).pair
        truth = projected_mask(case, pair)
        for index, plane in enumerate(PROJECTIONS):
            rows.append((f"{case.name}\n{plane}", _panels(index, pair, truth, found)))
    panel_grid(path, rows)


def _located(localizer: Localizer, case: PETCase) -> ProjectionLocalization:
    found = localizer.run(case.volume)
    assert isinstance(found, ProjectionLocalization)
    return found


def _panels(
    index: int, pair: ProjectionPair, truth: NDArray[np.bool_], found: Mapping[str, ProjectionLocalization]
) -> list[Panel]:
    grey = 1 - np.clip(pair.images[index] / WINDOW_SUV, 0, 1)
    panels = [Panel("truth", grey, truth=truth[index])]
    for name, entry in found.items():
        panels.append(Panel(name, grey, heat=enlarged(entry.maps[1][index], grey.shape)))
        panels.append(Panel(f"{name}: found", grey, found=_label(entry, pair, index), truth=truth[index]))
    return panels


def enlarged(cells: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Divide a map (h, w) by its maximum and enlarge it linearly to an image's shape."""
    from skimage.transform import resize

    scaled = np.maximum(cells, 0) / max(float(cells.max()), 1e-6)
    large: NDArray[np.float32] = resize(scaled, shape, order=1, mode="edge")
    return large.astype(np.float32)


def _label(entry: ProjectionLocalization, pair: ProjectionPair, index: int) -> NDArray[np.bool_]:
    mask = entry.label_map().array_kji.astype(np.float32)
    if not mask.any():
        return np.zeros(pair.images[index].shape, dtype=bool)
    volume = Volume(mask, pair.volume.grid)
    return ProjectionPair(volume, spacing_mm=pair.spacing_mm, size=pair.pixels).images[index] >= 0.5
