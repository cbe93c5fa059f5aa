"""Pictures in the form of the soft activation mapping paper's Fig. 5 and 6: a nodule and the maps of several rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.training.images import ImageSet

from ..panels import Panel, panel_grid
from ..results import replacing
from .rows import BY_NAME, OURS

KINDS = ("benign", "malignant")
HEADS = tuple(
    f"{backbone}-{head}" for backbone in ("ResNet18", "ResNet34", "VGG16", "DenseNet121") for head in ("CAM", "SAM")
)
PICTURES = {
    "maps.png": (
        OURS,
        "After Fig. 6: held-out nodules (evenly spaced in the order of patients, not chosen) with the maps of the "
        "paper's network for the class it gives, CAM, SAM and HESAM, on one slice. Above each map: probability of "
        "malignancy. White: what at least two readers outlined.",
    ),
    "heads.png": (HEADS, "After Fig. 5: the same nodules with the maps of the modified public classifiers."),
}


@dataclass(frozen=True, eq=False)
class Pictured:
    """A few nodules with the map of one row.

    Args:
        names: of the nodules, shape (N,).
        labels: 0 benign, 1 malignant, shape (N,).
        images: first channel, shape (N, H, W).
        truths: masks, shape (N, H, W).
        maps: activations in 0..1, shape (N, H, W).
        malignancy: the network's probability, shape (N,).
    """

    names: NDArray[np.str_]
    labels: NDArray[np.int64]
    images: NDArray[np.float32]
    truths: NDArray[np.bool_]
    maps: NDArray[np.float32]
    malignancy: NDArray[np.float32]

    def save(self, path: Path) -> None:
        """Write everything as ``.npz``."""
        with replacing(path) as beside, beside.open("wb") as file:
            np.savez_compressed(file, **vars(self))

    @classmethod
    def load(cls, path: Path) -> Pictured:
        """Read what `save` wrote."""
        with np.load(path) as stored:
            return cls(**stored)


def chosen_nodules(images: ImageSet, malignant: int, benign: int) -> NDArray[np.int64]:
    """Choose nodules for the pictures: so many of both kinds, evenly spaced in the order of ``images``."""
    parts = []
    for label, count in ((1, malignant), (0, benign)):
        places = np.flatnonzero(images.labels == label)
        parts.append(places[np.unique(np.linspace(0, len(places) - 1, count).round().astype(int))])
    return np.concatenate(parts)


def draw_pictures(output: Path, shown: Mapping[str, Path], latest: str) -> list[tuple[str, str]]:
    """Draw the pictures that a row is part of, with the rows there are.

    Args:
        output: where the pictures go.
        shown: row to the file of its `Pictured`, of the rows there are.
        latest: the row.

    Returns:
        File name and caption of each picture drawn.
    """
    drawn = []
    for name, (rows, caption) in PICTURES.items():
        if latest in rows:
            present = [row for row in rows if row in shown]
            _draw(output / name, present, [Pictured.load(shown[row]) for row in present])
            drawn.append((name, caption))
    return drawn


def _draw(path: Path, rows: Sequence[str], shown: Sequence[Pictured]) -> None:
    first, lines = shown[0], []
    for index, name in enumerate(first.names.tolist()):
        image, truth = first.images[index], first.truths[index]
        panels = [Panel("nodule", image, truth=truth)]
        for row, each in zip(rows, shown, strict=True):
            title = row if row not in OURS else str(BY_NAME[row].map)
            panels.append(Panel(f"{title} {each.malignancy[index]:.2f}", image, each.maps[index], truth=truth))
        lines.append((f"{KINDS[first.labels[index]]}\n{name.removeprefix('LIDC-IDRI-')}", panels))
    panel_grid(path, lines)
