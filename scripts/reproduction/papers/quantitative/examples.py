"""Pictures of the quantitative study: masks by threshold for an image of each class, as in its Fig. 4."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.metrics import iou

from ..panels import Panel, panel_grid
from ..results import replacing
from .maps import binarise
from .paper import CLASSES, RULES
from .record import Measured

PERCENTILES = {"median": 50, "best": 100}  # of the IoU at the first rule, which image of a class is shown


def write_examples(
    path: Path,
    measured: Measured,
    row: str,
    images: NDArray[np.float32],
    levels: NDArray[np.uint8],
    truths: NDArray[np.bool_],
) -> None:
    """Keep the images of each class whose IoU at 200/255 is the median and the best of those classified correctly.

    Args:
        path: npz file, replaced whole.
        measured: of these images.
        row: the kind of map.
        images: (N, H, W).
        levels: 8-bit maps, (N, H, W).
        truths: masks, (N, H, W).
    """
    titles, chosen = [], []
    for label, name in enumerate(CLASSES):
        members = np.flatnonzero(measured.counted & (measured.labels == label))
        ranked = members[np.argsort(measured.ious[row][RULES[0]][members], kind="stable")]
        for kind, percent in PERCENTILES.items():
            if ranked.size:
                titles.append(f"{name}, {kind}")
                chosen.append(ranked[round((ranked.size - 1) * percent / 100)])
    index = np.array(chosen, dtype=np.int64)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez_compressed(file, titles=titles, images=images[index], levels=levels[index], truths=truths[index])


def draw_examples(kept: Path, picture: Path) -> bool:
    """Draw kept images with their map and the mask of each rule: green hit, red false alarm, yellow miss.

    Returns:
        False, without a picture, if no image was classified correctly.

    Raises:
        InputError: the file is damaged.
    """
    try:
        with np.load(kept, allow_pickle=False) as file:
            titles, images, levels, truths = (file[name] for name in ("titles", "images", "levels", "truths"))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{kept} is damaged ({error}); delete it and the figures beside it") from error
    rows = []
    for title, image, level, truth in zip(titles.tolist(), images, levels, truths, strict=True):
        panels = [Panel("map", image, heat=level / 255, truth=truth)]
        for rule in RULES:
            found = binarise(level, rule)
            panels.append(Panel(f"{rule}: {iou(truth, found):.2f}", image, found=found, truth=truth))
        rows.append((title, panels))
    if rows:
        panel_grid(picture, rows)
    return bool(rows)
