"""Pictures, compared pixel by pixel."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer", reason="the slicer-core wheel is not installed")

from CAMLocalizerLib.mrml.colours import activation_rgba

TABLE = (activation_rgba()[:, :3] * 255 + 0.5).astype(np.uint8)


@pytest.fixture(autouse=True)
def _qt(module: ModuleType) -> None:
    """Stand-ins for Qt."""


def theme_of(name: str) -> Any:
    from CAMLocalizerLib.panel import theme

    return getattr(theme, name)


def picture_of(draw: str, values: np.ndarray, size: tuple[int, int], *more: Any, **options: Any) -> np.ndarray:
    """Draw a picture; returns its pixels."""
    from CAMLocalizerLib.panel import pictures
    from CAMLocalizerLib.panel.canvas import painted

    look = {name: options.pop(name) for name in ("theme", "factor") if name in options}
    return painted(size, lambda canvas: getattr(pictures, draw)(canvas, values, *more, **options), **look).array


def histogram_picture(values: np.ndarray, size: tuple[int, int], *more: Any, **options: Any) -> np.ndarray:
    return picture_of("draw_histogram", values, size, *more, **options)


def probability_picture(values: np.ndarray, size: tuple[int, int], *more: Any, **options: Any) -> np.ndarray:
    return picture_of("draw_probabilities", values, size, *more, **options)


def map_picture(values: np.ndarray, size: tuple[int, int], **options: Any) -> np.ndarray:
    return picture_of("draw_map", values, size, **options)


def columns_of(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Columns in which a colour occurs."""
    return np.flatnonzero((picture == colour).all(axis=2).any(axis=0))


def height_of(picture: np.ndarray, colour: tuple[int, int, int], column: int) -> int:
    """Number of pixels of a colour in a column."""
    return int((picture[:, column] == colour).all(axis=1).sum())


def draw_all(size: tuple[int, int], **keywords: Any) -> list[np.ndarray]:
    return [
        histogram_picture(np.arange(64), size, 0.4, curve=np.linspace(80, 0, 257), **keywords),
        probability_picture(np.linspace(0, 1, 30), size, 7, limit=0.5, **keywords),
        map_picture(np.linspace(0, 1, 12).reshape(3, 4), size, **keywords),
    ]


@pytest.mark.parametrize("name", ["LIGHT", "DARK"])
@pytest.mark.parametrize(("factor", "shape"), [(1.0, (56, 300, 3)), (2.0, (112, 600, 3)), (1.25, (70, 375, 3))])
def test_pictures_have_the_size_asked_for(name: str, factor: float, shape: tuple[int, int, int]) -> None:
    for picture in draw_all((300, 56), theme=theme_of(name), factor=factor):
        assert picture.shape == shape
        assert picture.dtype == np.uint8


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (0, 0), (5, 200), (200, 5)])
def test_the_smallest_pictures_are_drawn_too(size: tuple[int, int]) -> None:
    for picture in draw_all(size):
        assert picture.shape == (max(1, size[1]), max(1, size[0]), 3)


def test_what_lies_at_or_above_the_level_counts() -> None:
    picture = histogram_picture(np.full(50, 9), (200, 56), 0.5)
    assert columns_of(picture, theme_of("LIGHT").muted).max() < 100
    assert columns_of(picture, theme_of("LIGHT").accent).min() >= 100


def test_without_a_level_everything_counts_and_nothing_points() -> None:
    picture = histogram_picture(np.full(50, 9), (200, 56))
    assert columns_of(picture, theme_of("LIGHT").muted).size == 0
    assert columns_of(picture, theme_of("LIGHT").marker).size == 0


def test_bars_grow_with_the_logarithm() -> None:
    counts = np.array([0, 9, 99, 999])
    picture = histogram_picture(counts, (200, 310))
    heights = [height_of(picture, theme_of("LIGHT").accent, column) for column in (20, 70, 120, 170)]
    assert heights == [0, 100, 200, 300]


def test_the_colours_of_activation_lie_under_the_histogram() -> None:
    picture = histogram_picture(np.ones(8), (256, 56))
    np.testing.assert_array_equal(picture[-1], TABLE)


@pytest.mark.parametrize("level", [0.0, 0.25, 1.0])
def test_the_pointer_stands_at_the_level_and_whole(level: float) -> None:
    found = columns_of(histogram_picture(np.zeros(8), (400, 56), level)[20:], theme_of("LIGHT").marker)
    assert len(found) == 2
    assert found.mean() + 0.5 == pytest.approx(400 * level, abs=1.01)


@pytest.mark.parametrize("level", [float("nan"), -3.0, 7.0])
def test_a_level_out_of_range_is_no_error(level: float) -> None:
    assert histogram_picture(np.ones(8), (40, 20), level).shape == (20, 40, 3)


def test_an_empty_histogram_has_no_bars() -> None:
    picture = histogram_picture(np.zeros(64), (200, 56))
    assert columns_of(picture, theme_of("LIGHT").accent).size == 0


def test_the_curve_falls_with_the_volume() -> None:
    picture = histogram_picture(np.zeros(8), (200, 60), curve=np.array([99.0, 9.0, 0.0]))
    distance = np.abs(picture[:54, :180].astype(int) - theme_of("LIGHT").curve).sum(axis=2)
    rows = distance.argmin(axis=0)
    assert np.all(np.diff(rows) >= 0)
    assert rows[100] - rows[0] == pytest.approx(25, abs=2)  # half of the 50 rows from the highest to the strip


def test_bars_of_probable_images_count() -> None:
    picture = probability_picture(np.array([0.2, 0.5, 0.8, 0.0]), (200, 107), limit=0.5)
    assert height_of(picture, theme_of("LIGHT").muted, 20) == 20 - 0
    assert set(columns_of(picture, theme_of("LIGHT").accent)) == {*range(50, 99), *range(100, 149)}
    assert height_of(picture, theme_of("LIGHT").accent, 120) == 80 - 1  # the dashed line lies over it


def test_a_press_on_a_bar_is_that_image() -> None:
    values = np.zeros(37)
    for index in range(37):
        columns = columns_of(
            probability_picture(np.where(np.arange(37) == index, 1.0, values), (311, 60)), theme_of("LIGHT").accent
        )
        assert set((columns + 0.5) / 311 * 37 // 1) == {index}


def test_the_shown_image_is_marked_however_narrow() -> None:
    narrow = probability_picture(np.full(900, 0.5), (300, 64), 450)
    assert len(columns_of(narrow[30:], theme_of("LIGHT").marker)) == 2
    wide = probability_picture(np.full(10, 0.5), (300, 64), 9)
    assert columns_of(wide[30:], theme_of("LIGHT").marker).min() == 270


@pytest.mark.parametrize("current", [None, -1, 10])
def test_no_shown_image_is_not_marked(current: int | None) -> None:
    assert columns_of(probability_picture(np.full(10, 0.5), (300, 64), current), theme_of("LIGHT").marker).size == 0


def test_a_single_probable_image_among_many_is_not_lost() -> None:
    values = np.zeros(2000)
    values[777] = 1.0
    assert len(columns_of(probability_picture(values, (200, 64)), theme_of("LIGHT").accent)) == 1


def test_no_images_make_an_empty_picture() -> None:
    picture = probability_picture(np.zeros(0), (100, 40), 0)
    assert columns_of(picture, theme_of("LIGHT").marker).size == 0


def test_a_map_shows_each_value_as_a_sharp_square() -> None:
    values = np.array([[0.0, 1.0], [0.6, 0.2]])
    picture = map_picture(values, (40, 40))
    np.testing.assert_array_equal(picture[::20, ::20], TABLE[[[0, 255], [153, 51]]])
    np.testing.assert_array_equal(picture, np.kron(picture[::20, ::20], np.ones((20, 20, 1), np.uint8)))


def test_a_map_keeps_its_proportions_in_the_middle() -> None:
    picture = map_picture(np.ones((10, 20)), (40, 60), theme=theme_of("DARK"))
    inside = (picture == TABLE[255]).all(axis=2)
    assert np.flatnonzero(inside.any(axis=1)).tolist() == list(range(20, 40))
    assert np.all(picture[:20] == theme_of("DARK").background)
    stretched = map_picture(np.ones((10, 20)), (40, 60), aspect=2.0)
    assert np.flatnonzero((stretched == TABLE[255]).all(axis=2).any(axis=1)).tolist() == list(range(10, 50))


def test_a_map_larger_than_its_picture_is_averaged() -> None:
    values = np.tile([[0.0, 1.0], [1.0, 0.4]], (50, 50))
    np.testing.assert_array_equal(map_picture(values, (10, 10)), np.broadcast_to(TABLE[153], (10, 10, 3)))


def test_the_theme_fits_the_window() -> None:
    assert theme_of("Theme").on((250, 250, 245)).accent == theme_of("LIGHT").accent
    assert theme_of("Theme").on((20, 20, 30)).accent == theme_of("DARK").accent
    picture = probability_picture(np.zeros(3), (60, 40), theme=theme_of("Theme").on((20, 20, 30)))
    assert tuple(picture[3, 3]) == (20, 20, 30)


@pytest.mark.parametrize("name", ["LIGHT", "DARK"])
def test_colours_differ_in_lightness_so_that_all_eyes_tell_them_apart(name: str) -> None:
    theme = theme_of(name)

    def lightness(colour: tuple[int, int, int]) -> float:
        linear = [(channel / 255) ** 2.2 for channel in colour]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)) + 0.05)

    def contrast(one: tuple[int, int, int], two: tuple[int, int, int]) -> float:
        return max(lightness(one), lightness(two)) / min(lightness(one), lightness(two))

    assert contrast(theme.accent, theme.background) > 4.5
    assert contrast(theme.accent, theme.muted) > 2.0
    assert contrast(theme.marker, theme.background) > 12
    assert contrast(theme.curve, theme.background) > 3.0
