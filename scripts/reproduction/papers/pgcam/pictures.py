"""Pictures in the form of PG-CAM's figures: boxes and maps on slices, and the maps of every scale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from CAMLocalizerLib.metrics import Box, boxes
from CAMLocalizerLib.segment import apply_threshold

from ..panels import DPI, TILE_INCHES, Panel, draw_panel, panel_grid, save_figure
from ..results import replacing
from .systems import ALL_SCALES, PGCAM_THRESHOLD, RESCAM_THRESHOLD

LOCALIZATION_PICTURE, SCALES_PICTURE = "localisation.png", "scales.png"
LOCALIZATION_CAPTION = (
    "Held-out meningioma slices, evenly spaced in the collection's order. Boxes: truth red, PG-CAM green, ResCAM blue; "
    "then the two maps with the outline of the mask."
)
SCALES_CAPTION = "The same slices with PG-CAM's map of each scale, finest first, and of all scales together."
TRUTH_COLOUR, PGCAM_COLOUR, RESCAM_COLOUR = "#ff3030", "#30ff50", "#40a0ff"
PGCAM_ROW, RESCAM_ROW = "PG-CAM (DC)", "ResCAM"


@dataclass(frozen=True, eq=False)
class Pictured:
    """A few slices with the maps of one network.

    Args:
        names: of the slices, shape (N,).
        images: shape (N, H, W).
        truths: masks, shape (N, H, W).
        maps: name to activations in 0..1, shape (N, H, W).
    """

    names: NDArray[np.str_]
    images: NDArray[np.float32]
    truths: NDArray[np.bool_]
    maps: Mapping[str, NDArray[np.float32]]

    def save(self, path: Path) -> None:
        """Write the slices and maps as ``.npz``."""
        keys, values = list(self.maps), list(self.maps.values())
        with replacing(path) as beside, beside.open("wb") as file:
            np.savez_compressed(
                file,
                names=self.names,
                images=self.images,
                truths=self.truths,
                keys=np.array(keys, dtype=str),
                maps=np.array(values, dtype=np.float16),
            )

    @classmethod
    def load(cls, path: Path) -> Pictured:
        """Read what `save` wrote."""
        with np.load(path) as stored:
            maps = dict(zip(stored["keys"].tolist(), stored["maps"].astype(np.float32), strict=True))
            return cls(stored["names"], stored["images"], stored["truths"], maps)


def draw_pictures(output: Path, place: Path, fold: int, system: str) -> list[tuple[str, str]]:
    """Draw what a network that has just been measured completes.

    Args:
        output: where the pictures go.
        place: holds ``fold-F-NAME.npz`` of the finished networks.
        fold: the held-out fold.
        system: name of the network; ResNet-50 is the second one that the picture of boxes needs.

    Returns:
        File name and caption of each picture drawn.
    """
    pyramid = place / f"fold-{fold}-dcfpn.npz"
    if system == "dcfpn":
        _draw_scales(output / SCALES_PICTURE, Pictured.load(pyramid))
        return [(SCALES_PICTURE, SCALES_CAPTION)]
    if system == "resnet50":
        resnet = place / f"fold-{fold}-resnet50.npz"
        _draw_boxes(output / LOCALIZATION_PICTURE, Pictured.load(pyramid), Pictured.load(resnet))
        return [(LOCALIZATION_PICTURE, LOCALIZATION_CAPTION)]
    return []


def _draw_scales(path: Path, shown: Pictured) -> None:
    titles = {f"scale {scale}": f"scale {scale}" for scale in ALL_SCALES} | {PGCAM_ROW: "PG-CAM"}
    rows = []
    for index, name in enumerate(shown.names.tolist()):
        image, truth = shown.images[index], shown.truths[index]
        maps = [Panel(title, image, shown.maps[key][index], truth=truth) for key, title in titles.items()]
        rows.append((name, [Panel("slice", image), *maps]))
    panel_grid(path, rows)


def _draw_boxes(path: Path, pyramid: Pictured, resnet: Pictured) -> None:
    count = len(pyramid.names)
    figure = Figure(figsize=(3 * TILE_INCHES + 0.4, (TILE_INCHES + 0.25) * count), dpi=DPI, layout="constrained")
    axes = figure.subplots(count, 3, squeeze=False)
    for index, line in enumerate(axes):
        image, truth = pyramid.images[index], pyramid.truths[index]
        grad, plain = pyramid.maps[PGCAM_ROW][index], resnet.maps[RESCAM_ROW][index]
        draw_panel(line[0], Panel(f"slice {pyramid.names[index]}", image))
        outline(line[0], boxes(apply_threshold(plain, RESCAM_THRESHOLD)), RESCAM_COLOUR)
        outline(line[0], boxes(apply_threshold(grad, PGCAM_THRESHOLD)), PGCAM_COLOUR)
        outline(line[0], boxes(truth), TRUTH_COLOUR)
        draw_panel(line[1], Panel("PG-CAM", image, grad, truth=truth))
        draw_panel(line[2], Panel("ResCAM", image, plain, truth=truth))
        for axis in line:
            axis.set_axis_off()
    save_figure(figure, path)


def outline(axis: Axes, found: Iterable[Box], colour: str) -> None:
    """Draw boxes around their pixels; pixel centres are at whole numbers."""
    for box in found:
        corner = (box.x0 - 0.5, box.y0 - 0.5)
        axis.add_patch(Rectangle(corner, box.x1 - box.x0, box.y1 - box.y0, fill=False, edgecolor=colour, linewidth=1.1))
