"""Fusing the maps of several scales, against plain arithmetic on whole arrays."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from CAMLocalizerLib.core import ActivationMap, ActivationPyramid, Grid, GridError, SettingsError, Volume
from CAMLocalizerLib.segment import back_project_scales, combine, fuse, scale_weights
from CAMLocalizerLib.views import PLANES, SliceStack, back_project, plane_axes

STRIDES = {1: 1, 2: 2, 4: 8}


def make_pyramid(volume: Volume, view: str = "axial", seed: int = 0) -> ActivationPyramid:
    """Seeded maps of three scales, and tumour probabilities that differ from slice to slice."""
    rng = np.random.default_rng(seed)
    stack = SliceStack(volume, view, spacing_mm=1.5, size=(16, 16))
    maps = []
    for scale, stride in STRIDES.items():
        grid = stack.cell_grid((16 // stride, 16 // stride), stride, (stride - 1) / 2)
        maps.append(ActivationMap(scale, 5 * scale * rng.random(grid.shape_kji, dtype=np.float32), grid))
    tumour = rng.permutation(np.linspace(0, 1, len(stack)))
    probabilities = np.stack([1 - tumour, tumour], axis=1)
    targets = np.ones(len(stack), dtype=np.int64)
    return ActivationPyramid(tuple(maps), probabilities, ("none", "tumour"), targets, ("tumour",), view, volume.grid)


def naive_fuse(
    pyramid: ActivationPyramid, weights: dict[int, float], normalisation: str, limit: float, reference: dict
) -> np.ndarray:
    """One slice after the other, in display order."""
    slices = plane_axes(pyramid.source_grid, pyramid.view).as_slices
    counted = (pyramid.tumour_probabilities >= limit)[:, None, None]
    total = np.zeros(1)
    for entry in pyramid.select(weights):
        back = back_project(entry.array_kji, entry.grid, pyramid.source_grid, plane=pyramid.view)
        stack = slices(back).astype(np.float64) * counted
        level = {"slice": stack.max(axis=(1, 2), keepdims=True), "volume": stack.max()}.get(normalisation)
        level = reference[entry.scale] if level is None else np.where(level > 0, level, 1)
        total = total + weights[entry.scale] * np.minimum(stack / level, 1)
    top = {"slice": total.max(axis=(1, 2), keepdims=True), "volume": total.max()}.get(normalisation)
    return total / (sum(weights.values()) if top is None else np.where(top > 0, top, 1))


@pytest.mark.parametrize("view", PLANES)
@pytest.mark.parametrize("normalisation", ["slice", "volume", "reference"])
@pytest.mark.parametrize("limit", [0.0, 0.5])
def test_fusion_equals_plain_arithmetic(oblique_volume: Volume, view: str, normalisation: str, limit: float) -> None:
    pyramid = make_pyramid(oblique_volume, view)
    weights, reference = {1: 0.5, 4: 2.0}, {1: 3.0, 4: 18.0}
    got = fuse(pyramid, weights=weights, normalisation=normalisation, probability_limit=limit, reference=reference)
    expected = naive_fuse(pyramid, weights, normalisation, limit, reference)
    stored = plane_axes(pyramid.source_grid, view).as_slices(got)
    np.testing.assert_allclose(stored, expected, atol=1e-6)
    assert got.dtype == np.float32
    assert got.shape == oblique_volume.grid.shape_kji
    assert 0 <= got.min() <= got.max() <= 1


@pytest.mark.parametrize("normalisation", ["slice", "volume", "reference"])
def test_the_quick_path_gives_the_same_as_fuse(oblique_volume: Volume, normalisation: str) -> None:
    reference = dict.fromkeys(STRIDES, 3.0)
    pyramid = make_pyramid(oblique_volume, "coronal")
    maps = back_project_scales(pyramid)
    for settings in ({}, {"scales": [1]}, {"scales": (1, 4), "weights": {1: 2.0}}, {"weights": {2: 1.0}}):
        shared = {"normalisation": normalisation, "probability_limit": 0.3, "reference": reference, **settings}
        quick, whole = combine(maps, pyramid, **shared), fuse(pyramid, **shared)
        np.testing.assert_array_equal(quick, whole)


def test_the_quick_path_fuses_what_was_back_projected(oblique_volume: Volume) -> None:
    pyramid = make_pyramid(oblique_volume)
    maps = back_project_scales(pyramid, [4, 1])
    np.testing.assert_array_equal(combine(maps, pyramid), fuse(pyramid, scales=[1, 4]))
    with pytest.raises(SettingsError, match=r"scales \[2\] were not back-projected, only \[1, 4\]"):
        combine(maps, pyramid, scales=[2])


def test_the_raw_maps_are_not_changed_by_fusing_twice(oblique_volume: Volume) -> None:
    pyramid = make_pyramid(oblique_volume)
    maps = back_project_scales(pyramid)
    first = combine(maps, pyramid)
    np.testing.assert_array_equal(combine(maps, pyramid), first)


def test_each_slice_reaches_one_by_slice_and_only_the_best_by_volume(oblique_volume: Volume) -> None:
    pyramid = make_pyramid(oblique_volume)
    np.testing.assert_array_equal(fuse(pyramid, normalisation="slice").max(axis=(1, 2)), 1)
    peaks = fuse(pyramid, normalisation="volume").max(axis=(1, 2))
    assert peaks.max() == 1
    assert np.count_nonzero(peaks == 1) == 1


def test_slices_below_the_limit_are_zero_and_count_in_no_maximum(oblique_volume: Volume) -> None:
    pyramid = make_pyramid(oblique_volume)
    tumour = pyramid.tumour_probabilities
    brightest = 1e3 * (tumour < 0.5)[:, None, None] + 1
    louder = tuple(replace(entry, array_kji=entry.array_kji * brightest) for entry in pyramid.maps)
    for normalisation in ("slice", "volume"):
        settings = {"normalisation": normalisation, "probability_limit": 0.5}
        quiet, loud = fuse(pyramid, **settings), fuse(replace(pyramid, maps=louder), **settings)
        np.testing.assert_allclose(quiet, loud, atol=1e-6)
        np.testing.assert_array_equal(quiet.any(axis=(1, 2)), tumour >= 0.5)


@pytest.mark.parametrize("normalisation", ["slice", "reference"])
def test_a_slice_below_the_limit_is_the_right_one_where_storage_is_flipped(
    oblique_volume: Volume, normalisation: str
) -> None:
    grid = oblique_volume.grid
    flipped = Grid(
        grid.size, grid.spacing_mm, tuple(grid.to_lps((0, 0, grid.size[2] - 1))), grid.direction * (1, 1, -1)
    )
    volume = Volume(oblique_volume.array_kji[::-1], flipped)
    pyramid, mirrored = make_pyramid(oblique_volume), make_pyramid(volume)
    settings = {"normalisation": normalisation, "reference": dict.fromkeys(STRIDES, 9.0)}
    one, other = (fuse(each, probability_limit=0.5, **settings) for each in (pyramid, mirrored))
    np.testing.assert_allclose(one, other[::-1], atol=1e-5)


@pytest.mark.parametrize("normalisation", ["slice", "volume", "reference"])
def test_zero_maps_stay_zero(oblique_volume: Volume, normalisation: str) -> None:
    pyramid = make_pyramid(oblique_volume)
    silent = tuple(replace(entry, array_kji=np.zeros_like(entry.array_kji)) for entry in pyramid.maps)
    levels = dict.fromkeys(STRIDES, 1.0)
    assert not fuse(replace(pyramid, maps=silent), normalisation=normalisation, reference=levels).any()
    none_counted = replace(pyramid, probabilities=np.zeros_like(pyramid.probabilities))
    assert not fuse(none_counted, normalisation=normalisation, probability_limit=0.1, reference=levels).any()


def test_reference_levels_cut_at_one(oblique_volume: Volume) -> None:
    pyramid = make_pyramid(oblique_volume)
    low = fuse(pyramid, scales=[4], normalisation="reference", reference={4: 1e-3})
    assert set(np.unique(low[low > 0.5])) == {np.float32(1)}
    high = fuse(pyramid, scales=[4], normalisation="reference", reference={4: 100.0})
    assert high.max() == pytest.approx(back_project_scales(pyramid, [4])[4].max() / 100, rel=1e-5)


def test_weights_choose_the_scales_and_sum_to_one(oblique_volume: Volume) -> None:
    pyramid = make_pyramid(oblique_volume)
    assert scale_weights(pyramid) == dict.fromkeys(STRIDES, 1 / 3)
    assert scale_weights(pyramid, weights={4: 3, 1: 1}) == {1: 0.25, 4: 0.75}
    assert scale_weights(pyramid, [4, 2], {4: 3.0, 1: 7.0}) == {2: 0.25, 4: 0.75}
    assert scale_weights(pyramid, weights={1: 0.0, 2: 5.0}) == {2: 1.0}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scales": [3]}, r"unknown scales \(3,\); the model provides \(1, 2, 4\)"),
        ({"scales": []}, r"scales must name at least one of \(1, 2, 4\), got none"),
        ({"weights": {1: 1.0, 7: 1.0}}, r"unknown scales \(7,\); the model provides"),
        ({"weights": {1: -0.5}}, r"at least 0, got \{1: -0.5\}"),
        ({"weights": {1: float("nan")}}, "must be finite"),
        ({"weights": {1: 0.0}}, "at least one scale needs a weight above 0"),
        ({"normalisation": "image"}, "slice, volume, reference, got 'image'"),
        ({"probability_limit": 1.5}, "must be 0 to 1, got 1.5"),
        ({"normalisation": "reference"}, "needs a level above 0 for each of the scales"),
        ({"normalisation": "reference", "scales": [1], "reference": {1: 0.0}}, r"got \{1: 0.0\}"),
    ],
)
def test_settings_out_of_range_are_refused(oblique_volume: Volume, settings: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        fuse(make_pyramid(oblique_volume), **settings)


def test_a_pyramid_of_another_volume_is_refused(oblique_volume: Volume) -> None:
    grid = oblique_volume.grid
    shorter = Grid((20, 24, 5), grid.spacing_mm, grid.origin_mm, grid.direction)
    with pytest.raises(GridError, match="slices"):
        fuse(replace(make_pyramid(oblique_volume), source_grid=shorter))


@pytest.mark.parametrize(("normalisation", "arrays"), [("slice", 2.6), ("reference", 1.8)])
def test_fusing_holds_one_array_of_the_volumes_size_beside_the_result_or_none(
    normalisation: str, arrays: float
) -> None:
    array = np.random.default_rng(0).random((64, 96, 128), dtype=np.float32)
    pyramid = make_pyramid(Volume(array, Grid((128, 96, 64), (1, 1, 2), (0, 0, 0), np.eye(3))), "sagittal")
    tracemalloc.start()
    fuse(pyramid, normalisation=normalisation, reference=dict.fromkeys(STRIDES, 9.0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < arrays * array.nbytes
