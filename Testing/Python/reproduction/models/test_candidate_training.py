"""Samples of candidates, and a network that learns from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from uptake_phantoms import hot_balls

from CAMLocalizerLib.core import InputError, Volume
from CAMLocalizerLib.networks.candidate_network import CandidateNetwork
from CAMLocalizerLib.segment import find_candidates
from CAMLocalizerLib.segment.candidate_features import FEATURES
from reproduction.models.pet_fdg import (
    CandidateOptions,
    CandidateSamples,
    fit_candidates,
    inserted_samples,
    samples_of,
    simulated_samples,
)
from reproduction.models.pet_fdg.recipe import (
    CandidateRecipe,
    candidate_card,
    first_network,
    read_points,
    real_scans,
    second_network,
    simulated_bodies,
)

QUICK = CandidateOptions(epochs=3, candidates_per_epoch=320, batch_size=64, learning_rate=5e-3)


def drawn_samples(count: int, seed: int = 0) -> CandidateSamples:
    """Candidates whose images are bright in the middle if they are tumours, and whose numbers are noise."""
    random = np.random.default_rng(seed)
    labels = (np.arange(count) % 3 == 0).astype(np.int8)
    images = random.uniform(0, 0.5, (count, 2, 3, 32, 32)).astype(np.float16)
    images[labels == 1, :, :, 14:18, 14:18] += 1
    numbers = random.normal(3.0, 2.0, (count, len(FEATURES))).astype(np.float32)
    return CandidateSamples(images, numbers, labels, np.arange(count) // 5)


def test_a_network_learns_to_tell_them_apart() -> None:
    torch.manual_seed(1)
    network, lines = CandidateNetwork(width=4, members=1), []
    fit_candidates(network, [(drawn_samples(120), 1.0)], replace(QUICK, epochs=12), report=lines.append)
    assert not network.training
    torch.testing.assert_close(network.mean, torch.full((len(FEATURES),), 3.0), atol=0.8, rtol=0)
    fresh = drawn_samples(60, seed=9)
    with torch.inference_mode():
        logits = network(torch.from_numpy(fresh.images).float(), torch.from_numpy(fresh.numbers))
    assert ((logits > 0).numpy() == (fresh.labels == 1)).mean() > 0.95
    losses = [float(line.rsplit(" ", 1)[1]) for line in lines]
    assert len(losses) == 12
    assert losses[-1] < losses[0]


def test_the_same_seed_gives_the_same_network() -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(2)
        network = fit_candidates(
            CandidateNetwork(width=4, members=1), [(drawn_samples(40), 1.0)], replace(QUICK, epochs=1)
        )
        states.append(network.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_second_training_keeps_the_standard_of_the_numbers_and_the_first_network() -> None:
    torch.manual_seed(3)
    first = fit_candidates(CandidateNetwork(width=4, members=1), [(drawn_samples(60), 1.0)], replace(QUICK, epochs=1))
    before = {name: tensor.clone() for name, tensor in first.state_dict().items()}
    recipe = CandidateRecipe(second=replace(QUICK, epochs=1))
    second = second_network(first, drawn_samples(60), [drawn_samples(30, seed=4)], recipe, report=lambda _line: None)
    assert all(torch.equal(before[name], tensor) for name, tensor in first.state_dict().items())
    torch.testing.assert_close(second.mean, first.mean)
    assert not torch.equal(second.members[0].numbers[0].weight, first.members[0].numbers[0].weight)


def test_unclear_candidates_are_left_out_and_of_many_some_that_are_no_tumours() -> None:
    balls = [((12, 20, 12), 3.0, 8.0), ((34, 18, 30), 4.0, 6.0), ((34, 22, 10), 3.0, 5.0)]
    candidates = find_candidates(hot_balls(balls))
    part = samples_of(candidates, np.array([1, -1, 0], np.int8), 7, np.random.default_rng(0))
    np.testing.assert_array_equal(part.labels, [1, 0])
    np.testing.assert_array_equal(part.bodies, [7, 7])
    assert samples_of(candidates, np.array([-1, -1, -1], np.int8), 7, np.random.default_rng(0)) is None
    random = np.random.default_rng(1)
    noise = Volume(random.uniform(1, 9, (56, 56, 56)).astype(np.float32), hot_balls([], shape=(56,) * 3).grid)
    many = find_candidates(noise)
    labels = np.zeros(len(many), np.int8)
    labels[-3:] = 1
    kept = samples_of(many, labels, 0, random)
    assert len(many) > 90 == len(kept)
    assert (kept.labels == 1).sum() == 3


def test_samples_survive_the_disk_and_damage_is_named(tmp_path) -> None:
    samples, path = drawn_samples(7), tmp_path / "new" / "samples.npz"
    samples.save(path)
    again = CandidateSamples.load(path)
    for name in ("images", "numbers", "labels", "bodies"):
        np.testing.assert_array_equal(getattr(again, name), getattr(samples, name))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="holds no samples of candidates"):
        CandidateSamples.load(path)


def test_simulated_bodies_give_tumours_and_physiological_uptake() -> None:
    samples = simulated_samples([1])
    assert set(samples.labels.tolist()) == {0, 1}
    assert set(samples.bodies.tolist()) == {1}
    usual = simulated_samples([1], usual=True)
    assert set(usual.bodies.tolist()) == {-2}
    assert (usual.labels == 1).sum() >= 1
    assert samples.images.shape[1:] == (2, 3, 32, 32)
    assert np.isfinite(samples.numbers).all()


def test_lesions_are_put_into_a_real_scan_beside_the_real_one() -> None:
    scan = hot_balls([((12, 20, 12), 3.0, 8.0), ((34, 18, 30), 4.0, 6.0)])
    point = scan.grid.to_lps((12, 20, 12))
    plain = inserted_samples(scan, [point], 3, copies=0)
    np.testing.assert_array_equal(plain.labels, [1, 0])
    more = inserted_samples(scan, [point], 3, copies=6)
    assert set(more.bodies.tolist()) == {3}
    assert (more.labels == 1).sum() > 7  # the real one in every copy, and others in some
    again = inserted_samples(scan, [point], 3, copies=6)
    np.testing.assert_array_equal(more.numbers, again.numbers)


def test_points_are_read_with_their_folds_and_a_bad_table_is_named(tmp_path) -> None:
    table = tmp_path / "points.csv"
    table.write_text("file,patient,fold,x,y,z\na.nii,A,1,1,2,3\nb.nii,B,2,0,0,0\na.nii,A,1,4,5,6.5\n")
    first, second = read_points(table, tmp_path)
    assert (first.path, first.patient, first.fold) == (tmp_path / "a.nii", "A", 1)
    assert first.points_lps_mm == ((1.0, 2.0, 3.0), (4.0, 5.0, 6.5))
    assert second.fold == 2
    table.write_text("file,patient,fold,x,y\na.nii,A,1,1,2\n")
    with pytest.raises(
        InputError, match=r"points.csv: is not a table of points .* it needs file, patient, fold, x, y, z"
    ):
        read_points(table, tmp_path)


def test_the_recipe_goes_on_where_it_stopped(tmp_path, monkeypatch) -> None:
    recipe = CandidateRecipe(
        bodies=1, usual_bodies=1, copies=1, first=replace(QUICK, epochs=1), second=replace(QUICK, epochs=1)
    )
    made = simulated_bodies(recipe, tmp_path, 1)
    first = first_network(made, recipe, tmp_path, report=lambda _line: None)
    for name in ("simulated_samples", "fit_candidates"):
        monkeypatch.setattr(f"reproduction.models.pet_fdg.recipe.{name}", None)
    np.testing.assert_array_equal(simulated_bodies(recipe, tmp_path, 1).numbers, made.numbers)
    again = first_network(made, recipe, tmp_path, report=lambda _line: None)
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in first.state_dict().items())


def test_real_scans_are_described_once(tmp_path, monkeypatch) -> None:
    from CAMLocalizerLib.io import write_nifti

    scan = hot_balls([((12, 20, 12), 3.0, 8.0), ((34, 18, 30), 4.0, 6.0)])
    write_nifti(scan.array_kji, scan.grid, tmp_path / "a.nii.gz")
    (tmp_path / "points.csv").write_text("file,patient,fold,x,y,z\na.nii.gz,A,1,48,80,48\n")
    recipe, scans = CandidateRecipe(copies=1), read_points(tmp_path / "points.csv", tmp_path)
    ((found, samples),) = real_scans(scans, recipe, tmp_path / "work")
    assert found.patient == "A"
    assert (samples.labels == 1).any()
    (tmp_path / "a.nii.gz").unlink()
    ((_, again),) = real_scans(scans, recipe, tmp_path / "work")
    np.testing.assert_array_equal(again.labels, samples.labels)


def test_the_card_describes_a_model_of_candidates() -> None:
    card = candidate_card("mine", threshold="0.3")
    assert (card.candidates, card.projections, card.uptake_border, card.threshold) == (True, True, "adaptive", "0.3")
