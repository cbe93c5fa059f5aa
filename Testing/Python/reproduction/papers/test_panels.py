"""Pictures of a reproduction."""

from __future__ import annotations

import numpy as np
from matplotlib.image import imread

from reproduction.papers.panels import Panel, coloured, histograms, panel_grid


def colourfulness(path):
    return float(np.ptp(imread(path)[..., :3], axis=-1).mean())


def test_hits_are_green_false_alarms_red_and_misses_yellow():
    found, truth = np.array([[1, 1, 0, 0]]), np.array([[1, 0, 1, 0]])
    red, green, opacity = (coloured(found, truth)[0, :, channel] for channel in (0, 1, 3))
    assert (green > red).tolist() == [True, False, False, False]
    assert (red > 2 * green).tolist() == [False, True, False, False]
    assert (np.minimum(red, green) > 0.5).tolist() == [False, False, True, False]
    assert (opacity > 0).tolist() == [True, True, True, False]


def test_a_grid_shows_map_and_masks(tmp_path):
    image = np.random.default_rng(0).random((16, 16))
    heat, mask = np.zeros((16, 16)), np.zeros((16, 16), bool)
    heat[:8], mask[4:8, 4:8] = 1, True
    plain = [Panel("image", image), Panel("image", image)]
    marked = [Panel("map", image, heat=heat, truth=mask), Panel("mask", image, found=mask, truth=heat > 0)]
    panel_grid(tmp_path / "plain.png", [("case", plain)])
    panel_grid(tmp_path / "marked.png", [("case", marked)])
    colourful = [
        float(np.ptp(imread(tmp_path / name)[..., :3], axis=-1).mean()) for name in ("plain.png", "marked.png")
    ]
    assert colourful[0] < 1e-6 < 0.01 < colourful[1]


def test_an_image_of_one_grey_and_an_empty_truth_can_be_drawn(tmp_path):
    panel_grid(tmp_path / "grid.png", [("case", [Panel("flat", np.ones((8, 8)), truth=np.zeros((8, 8)))])])
    assert imread(tmp_path / "grid.png").size


def test_histograms_draw_every_series_also_empty_ones(tmp_path):
    values = {"network": {"glioma": [0.1, 0.9, float("nan")], "meningioma": []}}
    histograms(tmp_path / "few.png", values)
    histograms(tmp_path / "many.png", {"network": {"glioma": np.linspace(0, 1, 50).tolist(), "meningioma": [0.5]}})
    few, many = (imread(tmp_path / name) for name in ("few.png", "many.png"))
    assert few.shape == many.shape
    assert not np.array_equal(few, many)
