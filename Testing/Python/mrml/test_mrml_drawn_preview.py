"""What slice views and 3D view draw while the preview is written."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from drawn_views import DrawnViews, skip_without_drawing

from CAMLocalizerLib.core import Grid, Volume
from CAMLocalizerLib.mrml import ActivationLayer, HeadlessApplication, PreviewSegment, volume_to_node

GRID = Grid((40, 40, 9), (2.0, 2.0, 5.0), (-40.0, -40.0, -20.0), np.eye(3))


@pytest.fixture(scope="module")
def views() -> Iterator[DrawnViews]:
    skip_without_drawing()
    with HeadlessApplication() as application:
        made = DrawnViews(application)
        yield made
        made.close()


@pytest.fixture
def preview(views: DrawnViews) -> Iterator[PreviewSegment]:
    """A preview over grey noise, empty."""
    array = np.random.default_rng(3).normal(50, 5, GRID.shape_kji).astype(np.float32)
    node = volume_to_node(views.scene, Volume(array, GRID, name="grey"))
    views.show(node)
    made = PreviewSegment(views.scene, node)
    yield made
    made.remove()


def box(half_width: int) -> np.ndarray:
    mask = np.zeros(GRID.shape_kji, np.uint8)
    near = slice(20 - half_width, 20 + half_width)
    mask[3:6, near, near] = 1
    return mask


@pytest.mark.parametrize("surface", [False, True])
def test_the_outline_follows_every_write(views: DrawnViews, preview: PreviewSegment, surface: bool) -> None:
    seen = {}
    for half_width in (4, 12, 4):
        preview.write(box(half_width))
        rows, columns = np.nonzero(views.outlined())
        seen[half_width] = (np.ptp(rows), np.ptp(columns))
        preview.surface(surface)
    pixels = 2 * views.picture().shape[0] / 80  # per voxel of 2 mm, as the view is 80 mm wide
    for half_width, (height, width) in seen.items():
        assert height == pytest.approx(2 * half_width * pixels, abs=3), half_width
        assert width == pytest.approx(2 * half_width * pixels, abs=3), half_width


def test_a_write_asks_for_one_picture(views: DrawnViews, preview: PreviewSegment) -> None:
    preview.surface(True)
    before = {name: drawing.count for name, drawing in views.drawings.items()}
    preview.write(box(6))
    assert {name: drawing.count - before[name] for name, drawing in views.drawings.items()} == {"Red": 1, "ThreeD": 1}


def test_a_write_leaves_the_surface_of_the_last_pause(views: DrawnViews, preview: PreviewSegment) -> None:
    preview.write(box(4))
    preview.surface(True)
    segment = preview.node.GetSegmentation().GetSegment(preview.segment_id)
    before = segment.GetRepresentation("Closed surface")
    preview.write(box(12))
    assert segment.GetRepresentation("Closed surface") is before


def test_the_map_follows_every_write(views: DrawnViews, preview: PreviewSegment) -> None:
    layer = ActivationLayer(views.scene, preview.reference)
    layer.show(legend=False)
    coloured = []
    for half_width in (4, 12):
        layer.write(box(half_width).astype(np.float32))
        preview.write(box(1))  # a map changes with its label map
        picture = views.picture()
        coloured.append(int((picture[..., 0] - picture[..., 2] > 30).sum()))
    assert coloured[1] > 4 * coloured[0] > 0
    layer.hide()
    preview.write(box(1))
    picture = views.picture()
    assert not (picture[..., 0] - picture[..., 2] > 30).any()
