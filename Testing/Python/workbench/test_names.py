"""The names that panel and browser share."""

from __future__ import annotations

import pytest

from CAMLocalizerLib.option_names import REFINEMENTS
from CAMLocalizerLib.segment import USUAL_BORDERS
from CAMLocalizerLib.workbench import names


def test_every_choice_of_the_library_has_a_name() -> None:
    assert tuple(names.REFINEMENTS) == REFINEMENTS
    assert tuple(names.UPTAKE_BORDERS) == USUAL_BORDERS
    assert list(names.THRESHOLD_METHODS) == ["fixed", "percentile", "otsu"]


@pytest.mark.parametrize(("count", "text"), [(0, "0 components"), (1, "1 component"), (2, "2 components")])
def test_components_are_counted_in_words(count: int, text: str) -> None:
    assert names.component_count_text(count) == text
