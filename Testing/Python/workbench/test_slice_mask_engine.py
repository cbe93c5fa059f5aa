"""Settings that change quickly give the numbers of the slow way, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from finding_stand_ins import localization_of, make_card

from CAMLocalizerLib.core import SettingsError, Volume
from CAMLocalizerLib.localizer import LabelSettings, Localization
from CAMLocalizerLib.segment import components, fuse, label_map_from_activation, slabs
from CAMLocalizerLib.views import PLANES
from CAMLocalizerLib.workbench.review import slice_mask_engine as engine_module
from CAMLocalizerLib.workbench.review.slice_mask_engine import SliceMaskEngine

REFERENCE = {1: 3.0, 2: 8.0, 3: 18.0}
CHANGES = (
    {},
    {"scales": (1,), "normalisation": "volume"},
    {"weights": {1: 0.5, 3: 2.0}, "normalisation": "volume", "probability_limit": 0.4},
    {"scales": (2, 3), "normalisation": "reference"},
    {"weights": {2: 1.0, 3: 0.25}, "probability_limit": 0.7},
    {"probability_limit": 1.0, "normalisation": "volume"},
    {},
)


def found_in(volume: Volume, view: str = "axial", reference: dict[int, float] | None = REFERENCE) -> Localization:
    """What a model with three scales saw."""
    card = make_card(map_levels=reference or {}, map_normalisation="slice", scales=(1, 2, 3))
    return localization_of(volume, card, view)


def settings_with(found: Localization, weights: dict[int, float] | None = None, **changes: object) -> LabelSettings:
    """The settings that the keywords of ``fuse`` and of ``label_map_from_activation`` mean."""
    scales = changes.pop("scales", None) or weights or found.scales
    every = dict.fromkeys(found.scales, 1.0) | (weights or {})
    given = {"normalisation": "slice", "scales": tuple(scales), "weights": tuple(every.items()), **changes}
    return found.default_settings().changed(**given)


@pytest.mark.parametrize("view", PLANES)
@pytest.mark.parametrize("threads", [1, 3])
def test_every_change_gives_the_activation_of_fuse(
    oblique_volume: Volume, monkeypatch: pytest.MonkeyPatch, view: str, threads: int
) -> None:
    found = found_in(oblique_volume, view)
    expected = [fuse(found.pyramid, reference=REFERENCE, **change) for change in CHANGES]
    monkeypatch.setattr(slabs, "SMALLEST_SHARED", 1)
    monkeypatch.setattr(slabs, "THREADS", threads)
    engine = SliceMaskEngine(found)
    for change, activation in zip(CHANGES, expected, strict=True):
        np.testing.assert_array_equal(engine.fuse(settings_with(found, **change)), activation)


@pytest.mark.parametrize("threshold", ["0.6", "0.9", "q97", "otsu", "0"])
@pytest.mark.parametrize(
    "rules", [{}, {"min_volume_ml": 0.02}, {"keep_largest": 2}, {"min_extent_mm": 9.0}, {"min_share": 0.4}]
)
@pytest.mark.parametrize("stretch", [1, 100, 2048])
def test_components_are_those_of_the_label_map(
    oblique_volume: Volume, monkeypatch: pytest.MonkeyPatch, threshold: str, rules: dict, stretch: int
) -> None:
    monkeypatch.setattr(engine_module, "STRETCH", stretch)
    found, grid = found_in(oblique_volume), oblique_volume.grid
    engine = SliceMaskEngine(found)
    mask = np.empty(grid.shape_kji, dtype=np.uint8)
    for scales in ((1,), (1, 2, 3)):
        settings = settings_with(found, scales=scales, normalisation="volume", threshold=threshold, **rules)
        engine.fuse(settings)
        component_set = engine.component_set(settings)
        component_set.write(mask, range(1, len(component_set) + 1))
        label_map = label_map_from_activation(engine.activation, grid, threshold, **rules)
        np.testing.assert_array_equal(mask, label_map.array_kji)
        assert component_set.components == components(label_map, None, engine.activation)


@pytest.mark.parametrize("threshold", ["0.6", "q97", "otsu", "0"])
def test_an_activation_that_is_zero_everywhere_has_no_components(oblique_volume: Volume, threshold: str) -> None:
    found = found_in(oblique_volume)
    pyramid = replace(found.pyramid, probabilities=np.full_like(found.pyramid.probabilities, 0.3))
    engine = SliceMaskEngine(Localization(oblique_volume, pyramid, found.card, "axial"))
    settings = settings_with(found, probability_limit=0.9, normalisation="volume", threshold=threshold)
    assert not engine.fuse(settings).any()
    component_set = engine.component_set(settings)
    mask = np.ones(oblique_volume.grid.shape_kji, dtype=np.uint8)
    component_set.write(mask, range(1, len(component_set) + 1))
    assert not mask.any()
    assert component_set.components == ()


def test_only_rows_near_the_threshold_are_looked_into(oblique_volume: Volume, monkeypatch: pytest.MonkeyPatch) -> None:
    found = found_in(oblique_volume)
    engine = SliceMaskEngine(found)
    activation = engine.fuse(settings_with(found, scales=(1,), normalisation="volume"))
    monkeypatch.setattr(engine_module, "STRETCH", 100)
    width = activation.shape[2]
    rows = engine._rows_near(0.95)
    reached = np.flatnonzero((activation >= 0.95).reshape(-1, width).any(axis=1))
    assert set(reached) <= set(rows) < set(range(activation.size // width))
    assert engine._rows_near(0.0) is None


def test_levels_follow_the_activation(oblique_volume: Volume) -> None:
    found = found_in(oblique_volume)
    engine = SliceMaskEngine(found)
    assert engine.levels.percentile(90) == 0
    values = []
    for scale in found.scales:
        activation = engine.fuse(settings_with(found, scales=(scale,)))
        values.append(engine.levels.percentile(90))
        assert values[-1] == float(np.percentile(activation, 90.0))
        assert engine.levels.histogram().sum() == np.count_nonzero(activation)
    assert len(set(values)) == len(found.scales)


def test_the_activation_is_one_buffer_that_nobody_else_writes(oblique_volume: Volume) -> None:
    found = found_in(oblique_volume)
    engine = SliceMaskEngine(found)
    first = engine.fuse(settings_with(found, scales=(1,)))
    assert np.shares_memory(first, engine.fuse(settings_with(found, scales=(3,))))
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


def test_settings_that_the_model_lacks_leave_everything_as_it_was(oblique_volume: Volume) -> None:
    found = found_in(oblique_volume, reference=None)
    engine = SliceMaskEngine(found)
    before = engine.fuse(settings_with(found, scales=(2,))).copy()
    usual = settings_with(found)
    unknown = usual.changed(scales=(9,), weights=((9, 1.0),))
    for wrong in (unknown, usual.changed(normalisation="reference")):
        with pytest.raises(SettingsError):
            engine.fuse(wrong)
    np.testing.assert_array_equal(engine.activation, before)


def test_refined_components_are_remembered_as_they_were(
    oblique_volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = found_in(oblique_volume)
    wanted = [
        settings_with(found, threshold=threshold, refinement="geodesic", scales=scales)
        for threshold, scales in (("0.5", (1, 2, 3)), ("0.3", (1,)), ("0.6", (1, 2)))
    ]

    def shown(engine: SliceMaskEngine, settings: LabelSettings) -> tuple[np.ndarray, list]:
        engine.fuse(settings)
        component_set = engine.component_set(settings)
        mask = np.zeros(found.volume.grid.shape_kji, np.uint8)
        component_set.write(mask, range(1, len(component_set) + 1))
        return mask, [(each.voxels, each.peak, each.centre_lps_mm) for each in component_set.components]

    expected = [shown(SliceMaskEngine(found), settings) for settings in wanted]
    monkeypatch.setattr(engine_module, "REMEMBERED", 2)
    refined: list[int] = []
    refine = engine_module.refine
    monkeypatch.setattr(engine_module, "refine", lambda *given: refined.append(1) or refine(*given))
    engine = SliceMaskEngine(found)
    for index in (0, 1, 0, 2, 0, 1):  # the second one is forgotten for the third
        mask, listed = shown(engine, wanted[index])
        np.testing.assert_array_equal(mask, expected[index][0])
        assert listed == expected[index][1]
    assert len(refined) == 4
