"""Candidates of a PET: what is outlined, what is listed beside it, and what comes back from the disk."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from uptake_phantoms import hot_balls, judged_volume, tiny_candidate_card

from CAMLocalizerLib.core import Grid, InputError, SettingsError, Volume
from CAMLocalizerLib.localizer import CandidateLocalization, Localizer, load_findings, save_findings
from CAMLocalizerLib.models import ModelBundle

BALLS = [((12, 20, 12), 3.0, 8.0), ((34, 18, 30), 4.0, 5.0), ((34, 22, 12), 3.0, 4.0)]
TUMOUR, BRAIN, FAINT = BALLS[0][0], BALLS[1][0], BALLS[2][0]


class TallIsPhysiological(nn.Module):
    """Gives a logit of 2 to candidates in the lower half of the field, of -2 to others."""

    def forward(self, images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        from CAMLocalizerLib.segment.candidate_features import FEATURES

        return torch.where(numbers[:, FEATURES.index("level in the field")] < 0.5, 2.0, -2.0)


@pytest.fixture
def localizer(monkeypatch) -> Localizer:
    monkeypatch.setattr(ModelBundle, "network", lambda _: TallIsPhysiological())
    monkeypatch.setattr("CAMLocalizerLib.localizer.candidate_run.CUT_OUT_MM", 100.0)  # these bodies are small
    return Localizer(ModelBundle(tiny_candidate_card(), None), device="cpu")


@pytest.fixture
def found(localizer) -> CandidateLocalization:
    return localizer.run(hot_balls(BALLS))


def test_each_candidate_has_a_probability_and_the_label_map_those_above_the_threshold(found) -> None:
    np.testing.assert_allclose(np.sort(found.scores), [0.119, 0.119, 0.881], atol=1e-3)
    mask = found.label_map().array_kji
    assert (mask[TUMOUR], mask[BRAIN], mask[FAINT]) == (1, 0, 0)
    every = found.label_map(threshold="0.1").array_kji
    assert (every[TUMOUR], every[BRAIN], every[FAINT]) == (1, 1, 1)
    assert not found.label_map(threshold="0.95").array_kji.any()
    assert found.summary(True) == "suspicious uptake (highest probability 0.88)"
    assert found.notes == ()


def test_the_activation_is_the_probability_of_the_candidate(found) -> None:
    activation = found.activation()
    assert activation[TUMOUR] == pytest.approx(0.881, abs=1e-3)
    assert activation[BRAIN] == pytest.approx(0.119, abs=1e-3)
    assert not activation[0, 0, 0]
    np.testing.assert_array_equal(found.label_map().array_kji > 0, found.label_map().array_kji * activation > 0.5)
    lines = found.projected_maps()
    assert lines["coronal"].shape == (48, 1, 44)
    assert lines["coronal"][12, 0, 12] == activation[TUMOUR] == lines["sagittal"][12, 20, 0]


def test_borders_are_chosen(found) -> None:
    uptake = found.volume.array_kji
    half, fixed = (found.label_map(uptake_border=text).array_kji > 0 for text in ("50%", "suv2.5"))
    assert uptake[half].min() == pytest.approx(0.5 * uptake[TUMOUR], rel=0.1)
    assert uptake[fixed].min() == uptake[(uptake >= 2.5) & (np.indices(uptake.shape)[0] < 24)].min()
    with pytest.raises(SettingsError, match="no liver was found"):
        found.label_map(uptake_border="liver")


def test_candidates_below_the_threshold_are_listed_most_probable_first() -> None:
    found = judged_volume(hot_balls(BALLS), [0.3, 0.9, 0.06])
    settings = found.default_settings()
    assert settings.uptake_border == "50%"
    components = found.left_out(settings)
    assert [round(float(peak), 2) for peak in components.peaks] == [0.3, 0.06]
    assert len(found.left_out(settings.changed(threshold="0.2"))) == 1
    assert len(found.left_out(settings.changed(threshold="0.05"))) == 0
    improbable = judged_volume(hot_balls(BALLS), [0.3, 0.9, 0.01])
    assert len(improbable.left_out(settings)) == 1


def test_a_body_without_candidates_has_no_suspicious_uptake(localizer) -> None:
    cold = hot_balls([])
    found = localizer.run(Volume(cold.array_kji * 0.2 - 0.5, cold.grid, unit="SUVbw"))
    assert len(found.scores) == 0
    assert not found.activation().any()
    assert not found.label_map().array_kji.any()
    assert found.summary(False) == "no suspicious uptake (highest probability 0.00)"
    assert found.tumour_probability == 0


def test_what_was_found_comes_back_from_the_disk(found, tmp_path) -> None:
    save_findings(found, tmp_path)
    again = load_findings(tmp_path, found.volume)
    assert isinstance(again, CandidateLocalization)
    for name in ("basins", "scores", "probabilities"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    np.testing.assert_array_equal(again.label_map().array_kji, found.label_map().array_kji)
    np.save(tmp_path / "scores.npy", found.scores[:1])
    with pytest.raises(InputError, match="1 probabilities for 3 candidates"):
        load_findings(tmp_path, found.volume)


def test_other_units_are_scaled_with_a_note_and_no_unit_never_becomes_suv_silently(localizer, found) -> None:
    body = hot_balls(BALLS)
    counts = localizer.run(Volume(body.array_kji * 5000, body.grid, "scan", "Bq/ml"))
    assert counts.volume.unit == "Bq/ml"
    assert counts.factor == pytest.approx(1 / 5000, rel=0.3)
    assert "are in Bq/ml: they were scaled so that their usual uptake is 0.8" in counts.notes[0]
    np.testing.assert_array_equal(counts.label_map().array_kji, found.label_map().array_kji)
    unknown = localizer.run(Volume(body.array_kji * 5000, body.grid, "scan"))
    assert "have no unit and go up to" in unknown.notes[0]
    plain = localizer.run(Volume(body.array_kji, body.grid, "scan"))
    assert plain.notes == ("the file of scan names no unit: its values were taken for SUVbw",)
    assert plain.factor == 1


def test_a_ct_is_refused(localizer) -> None:
    body = hot_balls(BALLS)
    with pytest.raises(InputError, match="voxels are in HU, as those of CT; model tiny-candidates needs a PET"):
        localizer.run(Volume(body.array_kji * 100 - 1000, body.grid, "scan", "HU"))
    with pytest.raises(InputError, match="which no PET does"):
        localizer.run(Volume(body.array_kji * 100 - 1000, body.grid, "scan"))


def test_in_a_small_part_of_a_body_probabilities_are_raised_with_a_note(localizer, found, monkeypatch) -> None:
    monkeypatch.setattr("CAMLocalizerLib.localizer.candidate_run.CUT_OUT_MM", 400.0)
    part = localizer.run(found.volume)
    assert part.notes == ("a small part of a body, taken as cut out around a finding: probabilities are raised",)
    before, after = (np.log(seen.scores / (1 - seen.scores)) for seen in (found, part))
    np.testing.assert_allclose(after, before + 2.2, rtol=1e-4)


def test_the_storage_order_changes_nothing(localizer, found) -> None:
    body = hot_balls(BALLS)
    turned = body.array_kji.transpose(1, 2, 0)[:, ::-1]  # k to posterior, j to the right, i to superior
    direction = np.array([[0.0, -1, 0], [0, 0, 1], [1, 0, 0]])
    origin = body.grid.to_lps((body.grid.size[0] - 1, 0, 0))
    grid = Grid(turned.shape[::-1], (4.0,) * 3, tuple(origin), direction)
    other = localizer.run(Volume(np.ascontiguousarray(turned), grid, unit="SUVbw"))
    np.testing.assert_allclose(other.scores, found.scores)
    again = other.label_map().array_kji[:, ::-1].transpose(2, 0, 1)
    np.testing.assert_array_equal(again, found.label_map().array_kji)


def test_a_network_that_gives_no_finite_score_is_named(localizer, monkeypatch) -> None:
    monkeypatch.setattr(TallIsPhysiological, "forward", lambda _self, _images, numbers: numbers[:, 0] * float("nan"))
    with pytest.raises(Exception, match="tiny-candidates gave no finite score for a candidate"):
        localizer.run(hot_balls(BALLS))
