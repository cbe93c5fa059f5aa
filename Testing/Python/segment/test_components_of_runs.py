"""Components found from runs of voxels, against labels of every voxel."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy import ndimage

from CAMLocalizerLib.core import Grid, GridError, SettingsError
from CAMLocalizerLib.segment import ComponentSet, slabs, voxel_runs

SHAPES = [(1, 1, 1), (1, 7, 9), (5, 1, 8), (6, 7, 1), (4, 5, 6), (7, 9, 10)]


def grid_of(shape: tuple[int, int, int]) -> Grid:
    return Grid(shape[::-1], (1.1, 0.9, 4.0), (5.0, -3.0, 8.0), np.eye(3))


def naive_labels(mask: np.ndarray) -> np.ndarray:
    """Labels of every voxel, largest component first, equal ones in storage order."""
    labels, count = ndimage.label(mask != 0, structure=np.ones((3, 3, 3)))
    order = np.argsort(-np.bincount(labels.ravel(), minlength=count + 1)[1:], kind="stable")
    new = np.zeros(count + 1, dtype=int)
    new[order + 1] = np.arange(1, count + 1)
    return new[labels]


@pytest.fixture(params=["runs joined", "voxels labelled"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of finding components, whatever the number of runs."""
    monkeypatch.setattr(voxel_runs, "MANY_RUNS", 0 if request.param == "voxels labelled" else 10**9)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("density", [0.0, 0.05, 0.2, 0.6, 1.0])
def test_components_are_those_of_labelled_voxels(shape: tuple[int, int, int], density: float) -> None:
    rng = np.random.default_rng(int(100 * density) + sum(shape))
    mask, grid = rng.random(shape) < density, grid_of(shape)
    activation = rng.integers(0, 5, shape).astype(np.float32)  # many peaks of one height
    expected, found = naive_labels(mask), ComponentSet.of(mask, grid, activation)
    assert len(found) == expected.max()
    for part, peak_kji in zip(found.components, found.peaks_kji, strict=True):
        inside = expected == part.label
        k, j, i = np.nonzero(inside)
        assert (part.voxels, part.peak) == (inside.sum(), activation[inside].max())
        assert part.centre_lps_mm == pytest.approx(grid.to_lps((i.mean(), j.mean(), k.mean())))
        assert part.volume_mm3 == pytest.approx(inside.sum() * grid.voxel_volume_mm3)
        assert peak_kji == np.unravel_index(np.where(inside, activation, -1).argmax(), shape)
    at = [found.label_at(index) for index in np.ndindex(shape)]
    np.testing.assert_array_equal(at, expected.ravel())


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("kept", [(), (1,), (2, 3), (3, 1, 99, 0)])
@pytest.mark.parametrize("dtype", [bool, np.uint8])
def test_kept_components_overwrite_a_mask(kept: tuple[int, ...], dtype: type) -> None:
    mask = np.random.default_rng(3).random((6, 7, 8)) < 0.08
    out = np.ones(mask.shape, dtype=dtype)
    ComponentSet.of(mask, grid_of(mask.shape)).write(out, kept)
    np.testing.assert_array_equal(out, np.isin(naive_labels(mask), [label for label in kept if label]))


def test_the_ends_of_rows_and_planes_do_not_touch() -> None:
    mask = np.zeros((2, 4, 5), dtype=bool)
    mask[0, 0, 4] = mask[0, 1, 0] = True  # neighbours in memory, not in the body
    mask[0, 3, 2] = mask[1, 0, 2] = True  # in rows that follow each other
    assert len(ComponentSet.of(mask, grid_of(mask.shape))) == 4
    assert len(ComponentSet.of(np.ones_like(mask), grid_of(mask.shape))) == 1


def test_any_number_but_zero_is_set() -> None:
    labels = np.array([[[0, 2, 1, 0, 3]]], dtype=np.uint8)
    assert ComponentSet.of(labels, grid_of(labels.shape)).voxels.tolist() == [2, 1]


def test_many_threads_and_blocks_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.random.default_rng(9).random((9, 11, 13)) < 0.3
    expected = ComponentSet.of(mask, grid_of(mask.shape)).components
    monkeypatch.setattr(slabs, "SMALLEST_SHARED", 1)
    monkeypatch.setattr(slabs, "THREADS", 3)
    monkeypatch.setattr(voxel_runs, "BYTES_AT_ONCE", 16)
    assert ComponentSet.of(mask, grid_of(mask.shape)).components == expected


def test_components_that_are_large_enough_keep_their_labels() -> None:
    mask = np.random.default_rng(5).random((6, 7, 8)) < 0.08
    activation = np.random.default_rng(6).random(mask.shape, dtype=np.float32)
    every = ComponentSet.of(mask, grid_of(mask.shape), activation)
    three = every.large_enough(keep_largest=3)
    assert three.components == every.components[:3]
    assert three.peaks_kji == every.peaks_kji[:3]
    volume_ml = every.components[1].volume_mm3 / 1000
    assert every.large_enough(volume_ml).components == tuple(c for c in every.components if c.voxels >= every.voxels[1])
    assert every.large_enough(1e6).components == ()
    assert every.large_enough(1e6).label_at((0, 0, 0)) == 0
    assert every.large_enough() is every


def test_components_do_not_need_the_mask_afterwards() -> None:
    mask = np.random.default_rng(5).random((4, 5, 6)) < 0.3
    before, found = mask.copy(), ComponentSet.of(mask, grid_of(mask.shape))
    mask[:] = True
    found.write(mask, range(1, len(found) + 1))
    np.testing.assert_array_equal(mask, before)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("density", [0.0, 0.05, 0.3])
def test_boxes_are_those_of_labelled_voxels(density: float) -> None:
    mask = np.random.default_rng(2).random((6, 7, 8)) < density
    labels, _ = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    found = list(voxel_runs.Runs.of(mask).boxes())
    assert [box for box, _ in found] == ndimage.find_objects(labels)
    assert [labels[voxel] for _, voxel in found] == list(range(1, len(found) + 1))


def test_no_component_lies_outside_the_grid() -> None:
    found = ComponentSet.of(np.ones((2, 3, 4), dtype=bool), grid_of((2, 3, 4)))
    assert [found.label_at(index) for index in ((1, 2, 3), (2, 0, 0), (0, -1, 0))] == [1, 0, 0]


def test_what_does_not_fit_is_refused() -> None:
    mask, grid = np.ones((2, 3, 4), dtype=bool), grid_of((2, 3, 4))
    with pytest.raises(GridError, match=r"mask has shape \(1, 3, 4\), its grid expects \(2, 3, 4\)"):
        ComponentSet.of(mask[:1], grid)
    with pytest.raises(GridError, match="activation has shape"):
        ComponentSet.of(mask, grid, np.zeros((1, 3, 4), dtype=np.float32))
    with pytest.raises(GridError, match=r"C-contiguous of shape \(2, 3, 4\)"):
        ComponentSet.of(mask, grid).write(np.ones((4, 3, 2), dtype=bool).T, [1])
    with pytest.raises(SettingsError, match="no activation was given"):
        assert ComponentSet.of(mask, grid).peaks_kji
    with pytest.raises(SettingsError, match="at least 1, got 0"):
        ComponentSet.of(mask, grid).large_enough(keep_largest=0)


@pytest.mark.usefixtures("way")
def test_noise_takes_a_modest_multiple_of_its_own_memory() -> None:
    mask = np.random.default_rng(0).random((24, 96, 96)) < 0.1
    tracemalloc.start()
    found = ComponentSet.of(mask, grid_of(mask.shape))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) > 1000
    assert peak < 30 * mask.size
