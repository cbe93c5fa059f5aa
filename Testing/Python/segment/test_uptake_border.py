"""From which uptake on a voxel belongs to a lesion."""

from __future__ import annotations

import numpy as np
import pytest

from CAMLocalizerLib.core import SettingsError
from CAMLocalizerLib.models.card import UPTAKE_BORDERS, re
from CAMLocalizerLib.segment import USUAL_BORDERS, UptakeBorder, background_uptake

PEAKS = np.array([1.0, 4.0, 6.0, 9.0, 30.0], dtype=np.float32)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("41%", [0.41, 1.64, 2.46, 3.69, 12.3]),
        ("50%", [0.5, 2.0, 3.0, 4.5, 15.0]),
        ("suv2.5", [2.5] * 5),
        ("SUV 4", [4.0] * 5),
        ("adaptive", [0.41, 1.38, 1.62, 1.98, 2.5]),  # 41 %, three times 12 % and 1.5 times 0.6, at most 2.5
        ("liver", [0.6] * 5),
        ("liver*1.1", [0.66] * 5),
        ("adaptive*0.9", [0.369, 1.242, 1.458, 1.782, 2.25]),
    ],
)
def test_the_lowest_uptake_follows_the_rule(text: str, expected: list[float]) -> None:
    np.testing.assert_allclose(UptakeBorder.parse(text).lowest(PEAKS, 0.6), expected, rtol=1e-6)


@pytest.mark.parametrize("text", [*USUAL_BORDERS, "12.5%", "suv3.25", "adaptive*0.9", "liver*1.1"])
def test_a_text_survives(text: str) -> None:
    assert str(UptakeBorder.parse(text)) == text
    assert UptakeBorder.parse(str(UptakeBorder.parse(text))) == UptakeBorder.parse(text)


@pytest.mark.parametrize("text", ["", "0.41", "41", "suv", "suv0", "0%", "101%", "liver 2", "nan%", "adaptive*0"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="uptake_border"):
        UptakeBorder.parse(text)


def test_without_a_liver_there_is_no_border_of_the_liver() -> None:
    with pytest.raises(SettingsError, match="no liver was found"):
        UptakeBorder.parse("liver").lowest(PEAKS)


def test_without_a_background_there_is_no_adaptive_border() -> None:
    with pytest.raises(SettingsError, match="needs the background's uptake"):
        UptakeBorder.parse("adaptive").lowest(PEAKS)


def test_the_background_is_the_usual_uptake_of_the_body_without_the_air_around_it() -> None:
    uptake = np.zeros((10, 10, 10), dtype=np.float32)
    uptake[2:8, 2:8, 2:8] = np.random.default_rng(4).uniform(0.4, 0.8, (6, 6, 6))
    uptake[4, 4, 4] = 12.0
    assert background_uptake(uptake) == np.median(uptake[2:8, 2:8, 2:8])
    assert background_uptake(np.zeros((2, 2, 2), np.float32)) == 0.0


def test_a_scaled_border_lies_at_another_uptake_and_a_share_at_most_at_its_whole() -> None:
    border = UptakeBorder.parse("50%")
    np.testing.assert_allclose(border.scaled(1.1).lowest(PEAKS), 0.55 * PEAKS, rtol=1e-6)
    np.testing.assert_allclose(border.scaled(4.0).lowest(PEAKS), PEAKS, rtol=1e-6)
    assert str(border.scaled(1.1)) == "55%"


def test_cards_know_the_borders_that_are_offered() -> None:
    assert all(re.fullmatch(UPTAKE_BORDERS, text) for text in USUAL_BORDERS)
