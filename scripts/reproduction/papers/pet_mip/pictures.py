"""Pictures of the PET paper: both projections of a patient with the maps of each row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import Volume
from CAMLocalizerLib.localizer import Localizer
from CAMLocalizerLib.localizer.projection_localization import ProjectionLocalization
from CAMLocalizerLib.models import ModelBundle
from CAMLocalizerLib.views import ProjectionPair

from ..panels import Panel, panel_grid
from .evaluation import PETCase, projected_mask

WINDOW_SUV = 8.0  # what is hotter is shown black, as readers look at PET


def draw_cases(path: Path, cases: Iterable[PETCase], bundles: Mapping[str, ModelBundle]) -> None:
    """Draw a row per case: both projections side by side with the truth, then each bundle's maps and what it found."""
    localizers = {name: Localizer(bundle, device="cpu") for name, bundle in bundles.items()}
    rows = []
    for case in cases:
        found = {name: _located(localizer, case) for name, localizer in localizers.items()}
        rows.append((case.name.removeprefix("simulated-"), _panels(case, found)))
    panel_grid(path, rows)


def _located(localizer: Localizer, case: PETCase) -> ProjectionLocalization:
    found = localizer.run(case.volume)
    assert isinstance(found, ProjectionLocalization)
    return found


def _panels(case: PETCase, found: Mapping[str, ProjectionLocalization]) -> list[Panel]:
    pair = next(iter(found.values())).pair
    grey = _beside(1 - np.clip(pair.images / WINDOW_SUV, 0, 1))
    truth = _beside(projected_mask(case, pair))
    panels = [Panel("truth", grey, truth=truth)]
    for name, entry in found.items():
        heat = _beside(np.stack([enlarged(cells, pair.images.shape[1:]) for cells in entry.maps[1]]))
        panels.append(Panel(f"{name}: maps", grey, heat=heat))
        panels.append(Panel(f"{name}: found", grey, found=_beside(_label(entry, pair)), truth=truth))
    return panels


def _beside(views: NDArray) -> NDArray:
    """Put the coronal and the sagittal view side by side: (2, height, width) to (height, 2 * width)."""
    return np.concatenate(list(views), axis=1)


def enlarged(cells: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Divide a map (h, w) by its maximum and enlarge it linearly to an image's shape."""
    from skimage.transform import resize

    scaled = np.maximum(cells, 0) / max(float(cells.max()), 1e-6)
    large: NDArray[np.float32] = resize(scaled, shape, order=1, mode="edge")
    return large.astype(np.float32)


def _label(entry: ProjectionLocalization, pair: ProjectionPair) -> NDArray[np.bool_]:
    mask = entry.label_map().array_kji.astype(np.float32)
    if not mask.any():
        return np.zeros(pair.images.shape, dtype=bool)
    volume = Volume(mask, pair.volume.grid)
    return ProjectionPair(volume, spacing_mm=pair.spacing_mm, size=pair.pixels).images >= 0.5
