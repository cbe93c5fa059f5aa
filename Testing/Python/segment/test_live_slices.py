"""Settings that change quickly give the numbers of the slow way, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_fuse import STRIDES, make_pyramid

from CAMLocalizerLib.core import SettingsError, Volume
from CAMLocalizerLib.segment import LiveSlices, components, fuse, label_map_from_activation, slabs
from CAMLocalizerLib.segment import live as live_module
from CAMLocalizerLib.views import PLANES

REFERENCE = {1: 3.0, 2: 8.0, 4: 18.0}
CHANGES = (
    {},
    {"scales": (1,), "normalisation": "volume"},
    {"weights": {1: 0.5, 4: 2.0}, "normalisation": "volume", "probability_limit": 0.4},
    {"scales": (2, 4), "normalisation": "reference"},
    {"weights": {2: 1.0, 4: 0.25}, "probability_limit": 0.7},
    {"probability_limit": 1.0, "normalisation": "volume"},
    {},
)


@pytest.mark.parametrize("view", PLANES)
@pytest.mark.parametrize("threads", [1, 3])
def test_every_change_gives_the_activation_of_fuse(
    oblique_volume: Volume, monkeypatch: pytest.MonkeyPatch, view: str, threads: int
) -> None:
    pyramid = make_pyramid(oblique_volume, view)
    expected = [fuse(pyramid, reference=REFERENCE, **change) for change in CHANGES]
    monkeypatch.setattr(slabs, "SMALLEST_SHARED", 1)
    monkeypatch.setattr(slabs, "THREADS", threads)
    live = LiveSlices(pyramid, reference=REFERENCE)
    for change, activation in zip(CHANGES, expected, strict=True):
        np.testing.assert_array_equal(live.fuse(**change), activation)


@pytest.mark.parametrize("threshold", ["0.6", "0.9", "q97", "otsu", "0"])
@pytest.mark.parametrize(
    "rules", [{}, {"min_volume_ml": 0.02}, {"keep_largest": 2}, {"min_extent_mm": 9.0}, {"min_share": 0.4}]
)
@pytest.mark.parametrize("stretch", [1, 100, 2048])
def test_regions_are_those_of_the_label_map(
    oblique_volume: Volume, monkeypatch: pytest.MonkeyPatch, threshold: str, rules: dict, stretch: int
) -> None:
    monkeypatch.setattr(live_module, "STRETCH", stretch)
    live, grid = LiveSlices(make_pyramid(oblique_volume)), oblique_volume.grid
    mask = np.empty(grid.shape_kji, dtype=np.uint8)
    for scales in ((1,), (1, 2, 4)):
        live.fuse(scales=scales, normalisation="volume")
        regions = live.regions(threshold, **rules)
        regions.write(mask, range(1, len(regions) + 1))
        label_map = label_map_from_activation(live.activation, grid, threshold, **rules)
        np.testing.assert_array_equal(mask, label_map.array_kji)
        assert regions.components == components(label_map, None, live.activation)


@pytest.mark.parametrize("threshold", ["0.6", "q97", "otsu", "0"])
def test_an_activation_that_is_zero_everywhere_has_no_regions(oblique_volume: Volume, threshold: str) -> None:
    pyramid = make_pyramid(oblique_volume)
    live = LiveSlices(replace(pyramid, probabilities=np.full_like(pyramid.probabilities, 0.3)))
    assert not live.fuse(probability_limit=0.9, normalisation="volume").any()
    regions = live.regions(threshold)
    mask = np.ones(oblique_volume.grid.shape_kji, dtype=np.uint8)
    regions.write(mask, range(1, len(regions) + 1))
    assert not mask.any()
    assert regions.components == ()


def test_only_rows_near_the_threshold_are_looked_into(oblique_volume: Volume, monkeypatch: pytest.MonkeyPatch) -> None:
    live = LiveSlices(make_pyramid(oblique_volume))
    activation = live.fuse(scales=[1], normalisation="volume")
    monkeypatch.setattr(live_module, "STRETCH", 100)
    width = activation.shape[2]
    rows = live._rows_near(0.95)
    reached = np.flatnonzero((activation >= 0.95).reshape(-1, width).any(axis=1))
    assert set(reached) <= set(rows) < set(range(activation.size // width))
    assert live._rows_near(0.0) is None


def test_levels_follow_the_activation(oblique_volume: Volume) -> None:
    live = LiveSlices(make_pyramid(oblique_volume))
    assert live.threshold_value("q90") == 0
    found = []
    for scale in STRIDES:
        activation = live.fuse(scales=[scale])
        found.append(live.threshold_value("q90"))
        assert found[-1] == float(np.percentile(activation, 90.0))
        assert live.levels.histogram().sum() == np.count_nonzero(activation)
    assert len(set(found)) == len(STRIDES)


def test_the_activation_is_one_buffer_that_nobody_else_writes(oblique_volume: Volume) -> None:
    live = LiveSlices(make_pyramid(oblique_volume))
    first = live.fuse(scales=[1])
    assert np.shares_memory(first, live.fuse(scales=[4]))
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


def test_a_setting_out_of_range_leaves_everything_as_it_was(oblique_volume: Volume) -> None:
    live = LiveSlices(make_pyramid(oblique_volume))
    before = live.fuse(scales=[2]).copy()
    for wrong in ({"scales": [3]}, {"probability_limit": 2.0}, {"normalisation": "reference"}, {"weights": {1: -1.0}}):
        with pytest.raises(SettingsError):
            live.fuse(**wrong)
    with pytest.raises(SettingsError, match="not understood"):
        live.regions("much")
    np.testing.assert_array_equal(live.activation, before)
