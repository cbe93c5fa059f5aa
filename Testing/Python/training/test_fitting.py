"""Training of classifiers: learning, resuming, and refusing what does not belong together."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_training import tiny_network
from torch.nn import functional

from CAMLocalizerLib.core import ModelError, SettingsError
from CAMLocalizerLib.training.fitting import FitOptions, class_weights, cross_entropy, fit_classifier, predict_logits

OPTIONS = FitOptions(epochs=3, batch_size=8, learning_rate=2e-2, augmentation="shift", seed=5)


def same_weights(first, second) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def test_a_network_learns_and_its_folder_holds_figures_events_and_weights(images, network, tmp_path) -> None:
    train, held_out = images.split([1])
    lines: list[str] = []
    result = fit_classifier(
        network, train, held_out, replace(OPTIONS, epochs=12), tmp_path / "run", report=lines.append
    )
    assert (predict_logits(network, held_out.images).argmax(axis=1) == held_out.labels).mean() == 1
    assert len(result.history) == len(lines) == 12
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"] / 2
    assert result.history[result.best_epoch - 1]["accuracy"] == max(row["accuracy"] for row in result.history)
    assert not network.training
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"plan.json", "done.json", "metrics.csv", "best.safetensors", "tensorboard"}
    assert (tmp_path / "run" / "metrics.csv").read_text().startswith("epoch,learning_rate,train_loss,train_accuracy,lo")
    assert list((tmp_path / "run" / "tensorboard").glob("events*"))


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(images, tmp_path) -> None:
    runs = {}
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        runs[name] = tiny_network()
        fit_classifier(runs[name], images, None, replace(OPTIONS, seed=seed, epochs=1), tmp_path / name)
    assert same_weights(runs["a"], runs["b"])
    assert not same_weights(runs["a"], runs["c"])


def stop_after(epoch: int, error: BaseException):
    def report(line: str) -> None:
        if line.startswith(f"epoch {epoch + 1} "):
            raise error

    return report


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError("power cut")], ids=["ctrl-c", "failure"])
def test_an_interrupted_run_goes_on_to_the_weights_of_an_uninterrupted_one(images, tmp_path, error) -> None:
    train, held_out = images.split([1])
    options = replace(OPTIONS, schedule="cosine", optimizer="sgd", momentum=0.9, class_weights=True)
    whole, torn, resumed = tiny_network(), tiny_network(), tiny_network(seed=9)
    expected = fit_classifier(whole, train, held_out, options, tmp_path / "whole")
    with pytest.raises(type(error)):
        fit_classifier(torn, train, held_out, options, tmp_path / "torn", report=stop_after(1, error))
    assert (tmp_path / "torn" / "last.ckpt").exists()
    lines: list[str] = []
    result = fit_classifier(resumed, train, held_out, options, tmp_path / "torn", report=lines.append)
    assert [line[:12] for line in lines] == ["epoch 2 of 3", "epoch 3 of 3"]
    assert same_weights(whole, resumed)
    assert result.history == expected.history


def test_a_finished_folder_is_loaded_without_training(images, network, tmp_path) -> None:
    train, held_out = images.split([1])
    first = fit_classifier(network, train, held_out, OPTIONS, tmp_path)
    other = tiny_network(seed=2)
    lines: list[str] = []
    second = fit_classifier(other, train, held_out, OPTIONS, tmp_path, report=lines.append)
    assert not lines
    assert same_weights(network, other)
    assert second == first


def test_the_network_ends_with_the_best_epoch_not_the_last(images, network, tmp_path) -> None:
    train, held_out = images.split([1])
    options = replace(OPTIONS, learning_rate=0.5, optimizer="sgd", momentum=0.9, monitor="loss", epochs=6)
    result = fit_classifier(network, train, held_out, options, tmp_path)
    losses = [row["loss"] for row in result.history]
    assert result.best_epoch == np.argmin(losses) + 1
    logits = torch.from_numpy(predict_logits(network, held_out.images))
    assert float(functional.cross_entropy(logits, torch.from_numpy(held_out.labels))) == pytest.approx(min(losses))


def test_training_stops_when_patience_is_over(images, network, tmp_path) -> None:
    train, held_out = images.split([1])
    options = replace(OPTIONS, learning_rate=1e-12, epochs=9, patience=2)
    assert len(fit_classifier(network, train, held_out, options, tmp_path).history) == 3
    with pytest.raises(SettingsError, match="patience needs validation"):
        fit_classifier(network, train, None, options, tmp_path / "all")


def test_a_folder_of_another_network_other_options_or_images_is_refused_before_training(images, tmp_path) -> None:
    train, held_out = images.split([1])
    fit_classifier(tiny_network(), train, held_out, OPTIONS, tmp_path)
    with pytest.raises(ModelError, match="training of another network"):
        fit_classifier(tiny_network(width=5), train, held_out, OPTIONS, tmp_path)
    with pytest.raises(ModelError, match=r"other options \(epochs 3, now 4, seed 5, now 1\)"):
        fit_classifier(tiny_network(), train, held_out, replace(OPTIONS, epochs=4, seed=1), tmp_path)
    with pytest.raises(ModelError, match="training of other images"):
        fit_classifier(tiny_network(), held_out, train, OPTIONS, tmp_path)


def test_a_checkpoint_that_holds_more_than_numbers_is_not_opened(images, network, tmp_path) -> None:
    opened = []

    class Trap:
        def __reduce__(self):
            return opened.append, (1,)

    with pytest.raises(KeyboardInterrupt):
        fit_classifier(network, images, None, OPTIONS, tmp_path, report=stop_after(1, KeyboardInterrupt()))
    torch.save({"state_dict": Trap()}, tmp_path / "last.ckpt")
    with pytest.raises(ModelError, match="is not a checkpoint to resume from"):
        fit_classifier(network, images, None, OPTIONS, tmp_path)
    assert not opened


def test_class_weights_balance_the_classes() -> None:
    labels = np.array([0] * 6 + [1] * 2)
    weights = class_weights(labels, 3)
    assert weights.tolist() == pytest.approx([8 / 12, 2.0, 0.0])
    assert float(weights[labels].mean()) == pytest.approx(1)


def test_an_objective_of_ones_own_sees_the_points(images, network, tmp_path) -> None:
    seen = []

    def objective(module, batch):
        seen.append(batch.points)
        return cross_entropy()(module, batch)

    fit_classifier(
        network, images, None, replace(OPTIONS, epochs=1, augmentation="none"), tmp_path, objective=objective
    )
    assert sum(int(points.isfinite().all(dim=1).sum()) for points in seen) == 12


@pytest.mark.parametrize(
    ("settings", "rates"),
    [
        ({"decay_every": 2, "decay_factor": 0.5}, [1, 1, 0.5, 0.5, 0.25]),
        ({"schedule": "cosine"}, [1.0, 0.853553, 0.5, 0.146447, 0.0]),
    ],
)
def test_the_rate_follows_its_schedule(settings, rates) -> None:
    assert [FitOptions(**settings).rate_factor(step, 4) for step in range(5)] == pytest.approx(rates, abs=1e-6)


def test_all_wrong_options_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        FitOptions(epochs=0, optimizer="adams", learning_rate=float("nan"), patience=0, precision="16-mixed")
    for name in ("epochs", "optimizer", "learning_rate", "patience", "16-mixed needs a GPU"):
        assert name in str(caught.value)


def test_prediction_restores_the_modes_of_the_network(images, network) -> None:
    network.train()
    network[1].eval()
    predict_logits(network, images.images[:3], batch_size=2)
    assert network.training
    assert not network[1].training


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
def test_two_processes_share_the_work_and_agree(images, network, tmp_path) -> None:
    options = replace(OPTIONS, epochs=1, devices=2, strategy="ddp_fork", batch_size=4)
    result = fit_classifier(network, images, None, options, tmp_path)
    assert len(result.history) == 1
    assert json.loads((tmp_path / "done.json").read_text()) == {"best_epoch": 1, "epochs": 1}
