"""Masks from plain thresholds on drawn heads and uptake."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import SettingsError
from CAMLocalizerLib.evaluation.baselines import baseline_mask, default_baselines, largest_bright
from CAMLocalizerLib.models import ModelCard


def head(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """A brain of 100 within a scalp of 300, which is a box, with a little noise everywhere."""
    image = np.random.default_rng(seed).normal(0, 2, shape).astype(np.float32)
    outer = tuple(slice(4, side - 4) for side in shape)
    inner = tuple(slice(6, side - 6) for side in shape)
    image[outer] += 300
    image[inner] -= 200
    return image


@pytest.mark.parametrize("shape", [(60, 50), (40, 60, 50)])
@pytest.mark.parametrize("offset", [0.0, -500.0])
def test_the_largest_bright_component_is_found_within_the_scalp(shape: tuple[int, ...], offset: float) -> None:
    image, tumour = head(shape), np.zeros(shape, dtype=bool)
    tumour[tuple(slice(side // 2, side // 2 + 7) for side in shape)] = True
    image[tumour] += 150
    image[tuple(slice(side // 2 - 6, side // 2 - 3) for side in shape)] += 170  # a vessel: brighter but smaller
    np.testing.assert_array_equal(largest_bright(image + np.float32(offset)), tumour)


def test_an_image_of_one_value_has_no_bright_component() -> None:
    assert not largest_bright(np.full((8, 8), 3.0, dtype=np.float32)).any()


def test_uptake_is_marked_from_its_threshold_on() -> None:
    suv = np.array([[0.0, 2.5, 3.9], [4.0, 8.0, 20.0]], dtype=np.float32)
    assert baseline_mask("suv-4", suv).sum() == 3
    assert baseline_mask("suv-2.5", suv).sum() == 5
    assert baseline_mask("41%", suv).tolist() == [[False] * 3, [False, False, True]]


def test_a_model_is_compared_by_its_unit_and_modality() -> None:
    def card(modality: str, unit: str = "") -> ModelCard:
        return ModelCard(
            name="m", version="1", network="dcfpn", modality=modality, spacing_mm=1.0, size=(16, 16), unit=unit,
            normalisation="zscore", classes=("no", "yes"), tumour_classes=("yes",), scales=(1,),
        )  # fmt: skip

    assert default_baselines(card("MR, T1-weighted after gadolinium")) == ("largest-bright",)
    assert default_baselines(card("PET", "SUVbw")) == ("suv-4", "suv-2.5", "41%")
    assert default_baselines(card("CT", "HU")) == ()


def test_an_unknown_baseline_is_refused() -> None:
    with pytest.raises(SettingsError, match="baseline must be one of"):
        baseline_mask("brightest", np.zeros((2, 2), dtype=np.float32))
