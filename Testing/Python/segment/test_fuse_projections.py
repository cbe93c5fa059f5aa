"""Maps of two projections become one activation of the volume."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, SettingsError, Volume
from CAMLocalizerLib.segment import fuse_projections, multiply_projections
from CAMLocalizerLib.views import ProjectionPair

GRID = Grid((32, 32, 32), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0), np.eye(3))  # as many pixels as voxels


@pytest.fixture
def pair() -> ProjectionPair:
    array = np.random.default_rng(0).random(GRID.shape_kji, dtype=np.float32)
    return ProjectionPair(Volume(array, GRID), size=(32, 32))


@pytest.fixture
def maps() -> dict[int, np.ndarray]:
    rng = np.random.default_rng(1)
    return {1: rng.random((2, 32, 32), dtype=np.float32) * 7, 2: rng.random((2, 16, 16), dtype=np.float32) * 3}


STRIDES = {1: 1, 2: 2}


def test_the_activation_is_the_product_of_maps_divided_by_their_maxima(pair, maps) -> None:
    activation = multiply_projections(fuse_projections(pair, maps, STRIDES, weights={1: 1.0}))
    coronal, sagittal = (entry[::-1] / entry.max() for entry in maps[1])  # rows from inferior up, as stored
    np.testing.assert_allclose(activation, coronal[:, None, :] * sagittal[:, :, None], rtol=1e-5)
    assert activation.dtype == np.float32
    assert activation.shape == GRID.shape_kji


def test_scales_are_summed_by_weight_and_divided_by_the_sums_maximum(pair, maps) -> None:
    fused = fuse_projections(pair, maps, STRIDES, weights={1: 1.0, 2: 3.0})
    alone = [fuse_projections(pair, maps, STRIDES, weights={scale: 1.0}) for scale in (1, 2)]
    for plane, values in fused.items():
        expected = 0.25 * alone[0][plane] + 0.75 * alone[1][plane]
        np.testing.assert_allclose(values, expected / expected.max(), rtol=1e-5)


def test_a_peak_in_the_padding_counts_in_no_maximum(maps) -> None:
    array = np.random.default_rng(0).random((16, 32, 32), dtype=np.float32)
    low = Volume(array, Grid((32, 32, 16), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0), np.eye(3)))
    maps[1][:, 0, :] = 1000.0
    fused = fuse_projections(ProjectionPair(low, size=(32, 32)), maps, STRIDES, weights={1: 1.0})
    assert all(values.max() == pytest.approx(1.0) for values in fused.values())


def test_maxima_over_both_projections_keep_them_comparable(pair, maps) -> None:
    maps[1][1] *= 0.25
    fused = fuse_projections(pair, maps, STRIDES, weights={1: 1.0}, normalisation="volume")
    assert fused["coronal"].max() == pytest.approx(1.0)
    assert fused["sagittal"].max() == pytest.approx(float(maps[1][1].max() / maps[1][0].max()))


def test_reference_levels_cut_at_one_and_do_not_divide_again(pair, maps) -> None:
    fused = fuse_projections(
        pair, maps, STRIDES, weights={1: 1.0}, normalisation="reference", reference={1: 14.0}
    )  # fmt: skip
    np.testing.assert_allclose(fused["coronal"][:, 0, :], maps[1][0][::-1] / 14.0, rtol=1e-5)
    cut = fuse_projections(pair, maps, STRIDES, weights={1: 1.0}, normalisation="reference", reference={1: 1e-6})
    assert cut["coronal"].max() == 1.0


def test_maps_of_zeros_stay_zero(pair) -> None:
    nothing = {1: np.zeros((2, 32, 32), np.float32)}
    activation = multiply_projections(fuse_projections(pair, nothing, STRIDES, weights={1: 1.0}))
    assert not activation.any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"weights": {7: 1.0}}, r"unknown scales \[7\]; the model provides \[1, 2\]"),
     ({"weights": {1: 0.0}}, "one of them above 0"), ({"weights": {1: 1.0, 2: -0.5}}, "at least 0"),
     ({"weights": {1: 1.0}, "normalisation": "none"}, "must be one of slice, volume, reference"),
     ({"weights": {1: 1.0}, "normalisation": "reference"}, "needs a level above 0")],
)  # fmt: skip
def test_settings_out_of_range_are_refused(pair, maps, settings: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        fuse_projections(pair, maps, STRIDES, **settings)
