"""The localizer: a volume in, a pyramid and label maps out."""

from __future__ import annotations

import logging
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
import torch
from torch import nn

from CAMLocalizerLib.cam import SAM, GradCAM, LayerCAM
from CAMLocalizerLib.core import CAMLocalizerError, Grid, ModelError, SettingsError, Volume
from CAMLocalizerLib.localizer import Localizer, choose_device
from CAMLocalizerLib.localizer.targets import target_weights
from CAMLocalizerLib.models import ModelBundle, save_model
from CAMLocalizerLib.networks import build_network
from CAMLocalizerLib.views import normalise_slices, slice_stack


def with_card(model: ModelBundle, **changes) -> ModelBundle:
    return ModelBundle(replace(model.card, **changes), model.folder)


def arrays(found):
    return {entry.scale: entry.array_kji for entry in found.pyramid.maps}


def naive(model, volume, plane, weights_of):
    """One slice at a time, plain Grad-CAM of the unfolded network."""
    network, card = model.network(), model.card
    stack = slice_stack(volume, plane, spacing_mm=card.spacing_mm, size=card.size)
    for index in range(len(stack)):
        image = torch.from_numpy(normalise_slices(stack.batch(index, index + 1), card.normalisation))[:, None]
        with torch.inference_mode():
            logits = network(image)[0].tolist()
        weights = torch.tensor([weights_of(*logits)])
        yield torch.tensor(logits).softmax(0), GradCAM(network, network.cam_layers)(image, weights).maps


def margin(glioma, healthy, meningioma):
    return (1.0, -1.0, 0.0) if glioma > meningioma else (0.0, -1.0, 1.0)


def class_alone(glioma, healthy, meningioma):
    return (1.0, 0.0, 0.0) if glioma > meningioma else (0.0, 0.0, 1.0)


@pytest.mark.parametrize(("target", "weights_of"), [("margin", margin), ("class", class_alone)])
@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_maps_and_probabilities_equal_a_naive_loop(tiny_model, oblique_volume, plane, target, weights_of):
    model = with_card(tiny_model, target=target)
    found = Localizer(model, device="cpu", batch_size=4).run(oblique_volume, view=plane)
    for index, (probabilities, maps) in enumerate(naive(model, oblique_volume, plane, weights_of)):
        np.testing.assert_allclose(found.pyramid.probabilities[index], probabilities, atol=1e-5)
        for scale, expected in maps.items():
            tolerance = 1e-4 * max(float(expected.max()), 1e-3)
            np.testing.assert_allclose(arrays(found)[scale][index], expected[0], atol=tolerance)


def test_every_scale_lies_where_its_slices_lie(tiny_model, oblique_volume):
    found = Localizer(tiny_model, device="cpu").run(oblique_volume)
    centre = oblique_volume.grid.to_lps((np.array(oblique_volume.grid.size) - 1) / 2)
    for entry in found.pyramid.maps:
        np.testing.assert_allclose(entry.grid.to_lps((np.array(entry.grid.size) - 1) / 2), centre, atol=1e-6)


def test_the_batch_size_changes_nothing(tiny_model, oblique_volume):
    one, many = (Localizer(tiny_model, device="cpu", batch_size=n).run(oblique_volume) for n in (1, 5))
    np.testing.assert_allclose(one.pyramid.probabilities, many.pyramid.probabilities, atol=1e-6)
    for scale, array in arrays(one).items():
        np.testing.assert_allclose(array, arrays(many)[scale], rtol=1e-4, atol=1e-6)


def test_auto_is_the_plane_of_acquisition(tiny_model, oblique_volume):
    assert Localizer(tiny_model, device="cpu").run(oblique_volume).view == "axial"


def test_auto_takes_a_plane_of_the_model_and_says_so(tiny_model, oblique_volume):
    found = Localizer(with_card(tiny_model, views=("coronal",)), device="cpu").run(oblique_volume)
    assert found.view == "coronal"
    assert "does not take the acquired axial slices" in found.notes[0]


def test_a_volume_larger_than_the_field_of_view_is_noted(tiny_model, oblique_volume):
    found = Localizer(with_card(tiny_model, size=(8, 8)), device="cpu").run(oblique_volume)
    assert "12 mm of the volume's width and 12 mm of its height lie outside" in found.notes[0]


def in_a_border(volume: Volume, before: tuple[int, int], behind: tuple[int, int]) -> Volume:
    """The same voxels at the same places with so many empty columns and rows before and behind them."""
    array = np.pad(volume.array_kji, ((0, 0), (before[1], behind[1]), (before[0], behind[0])))
    origin = volume.grid.to_lps((-before[0], -before[1], 0))
    grid = Grid(array.shape[::-1], volume.grid.spacing_mm, tuple(origin), volume.grid.direction)
    return Volume(array, grid, name=volume.name)


@pytest.mark.parametrize("normalisation", ["zscore", "foreground-gamma"])
@pytest.mark.parametrize(("before", "behind"), [((70, 65), (81, 60)), ((5, 30), (25, 5))])
def test_slices_centred_on_content_give_the_same_label_map_wherever_the_body_lies(
    tiny_model, oblique_volume, normalisation, before, behind
):
    model = with_card(tiny_model, centre="content", normalisation=normalisation)
    localizer = Localizer(model, device="cpu")
    plain = localizer.run(in_a_border(oblique_volume, (6, 6), (6, 6)))
    moved = localizer.run(in_a_border(oblique_volume, before, behind))
    np.testing.assert_allclose(moved.probabilities, plain.probabilities, atol=1e-4)
    columns, rows = (slice(first, first + n) for first, n in zip(before, oblique_volume.grid.size, strict=False))
    for threshold in ("0.4", "0.7"):
        body = moved.label_map(threshold=threshold).array_kji[:, rows, columns]
        np.testing.assert_array_equal(body, plain.label_map(threshold=threshold).array_kji[:, 6:-6, 6:-6])
    assert body.any()
    assert not body.all()
    assert not moved.notes


def test_content_larger_than_the_field_of_view_is_noted(tiny_model, oblique_volume):
    card = {"size": (8, 8), "centre": "content"}
    found = Localizer(with_card(tiny_model, **card), device="cpu").run(in_a_border(oblique_volume, (9, 9), (0, 40)))
    assert "12 mm of the body's width and 12 mm of its height lie outside" in found.notes[0]


def test_blank_slices_have_zero_maps_and_no_tumour(tiny_model, blank_ended_volume):
    found = Localizer(tiny_model, device="cpu").run(blank_ended_volume)
    np.testing.assert_array_equal(found.pyramid.probabilities[[0, -1]], [[0, 1, 0], [0, 1, 0]])
    assert all(not array[[0, -1]].any() for array in arrays(found).values())
    assert arrays(found)[1][1:-1].any(axis=(1, 2)).all()


def test_slices_with_the_last_few_voxels_of_the_body_are_not_judged(tiny_model, oblique_volume):
    array = np.abs(oblique_volume.array_kji) + 50
    array[0] = 0.0
    array[0, 4, 4:8] = 60.0
    volume = Volume(array, oblique_volume.grid)
    judged = Localizer(with_card(tiny_model, centre="content"), device="cpu").run(volume)
    np.testing.assert_array_equal(judged.pyramid.probabilities[[0, -1]][:, 1] == 1, [True, False])
    assert not arrays(judged)[1][0].any()
    everything = Localizer(tiny_model, device="cpu").run(volume)
    assert (everything.pyramid.probabilities[:, 1] < 1).all()


def test_scales_asked_for_alone_are_kept(tiny_model, oblique_volume):
    assert Localizer(tiny_model, device="cpu").run(oblique_volume, scales=(4, 2)).pyramid.scales == (2, 4)


def test_progress_is_told_after_each_batch(tiny_model, oblique_volume):
    told = []
    Localizer(tiny_model, device="cpu", batch_size=4).run(
        oblique_volume, progress=lambda done, total: told.append((done, total))
    )
    assert told == [(4, 9), (8, 9), (9, 9)]


def test_what_progress_raises_ends_the_run(tiny_model, oblique_volume):
    def cancel(done, total):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        Localizer(tiny_model, device="cpu", batch_size=4).run(oblique_volume, progress=cancel)


def test_bfloat16_sees_nearly_the_same(tiny_model, oblique_volume):
    plain = Localizer(tiny_model, device="cpu").run(oblique_volume)
    short = Localizer(tiny_model, device="cpu", precision="bfloat16").run(oblique_volume)
    np.testing.assert_allclose(short.pyramid.probabilities, plain.pyramid.probabilities, atol=0.1)
    assert all(array.dtype == np.float32 for array in arrays(short).values())


class Hungry(nn.Module):
    """A classifier that runs out of memory above so many images."""

    cam_layers = MappingProxyType({1: "layer"})
    strides = MappingProxyType({1: 1})

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.seen = most, []
        self.layer = nn.Conv2d(1, 3, 3, padding=1)

    def forward(self, images):
        if len(images) > self.most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        self.seen.append(len(images))
        return self.layer(images).mean((2, 3))


def hungry_localizer(model, most, batch_size, monkeypatch):
    torch.manual_seed(2)
    network = Hungry(most)
    monkeypatch.setattr(ModelBundle, "network", lambda _: network)
    monkeypatch.setattr("CAMLocalizerLib.localizer.localizer.fold_batch_norm", lambda given: given)
    return Localizer(with_card(model, scales=(1,)), device="cpu", batch_size=batch_size), network


def test_the_batch_is_halved_when_memory_runs_out_and_the_user_is_told(tiny_model, oblique_volume, monkeypatch, caplog):
    roomy, _ = hungry_localizer(tiny_model, 99, 8, monkeypatch)
    expected = roomy.run(oblique_volume)
    localizer, network = hungry_localizer(tiny_model, 3, 8, monkeypatch)
    with caplog.at_level(logging.WARNING, logger="CAMLocalizerLib"):
        found = localizer.run(oblique_volume)
    assert network.seen == [2, 2, 2, 2, 1]
    assert found.notes[-1] == "cpu ran out of memory: continuing with 2 slices at once"
    assert list(found.notes) == [record.getMessage() for record in caplog.records]
    np.testing.assert_allclose(found.pyramid.probabilities, expected.pyramid.probabilities, atol=1e-6)


def test_the_cpu_takes_over_when_one_slice_is_too_much(tiny_model, oblique_volume, monkeypatch):
    localizer, network = hungry_localizer(tiny_model, 0, 2, monkeypatch)
    localizer.device = torch.device("meta")  # stands for a GPU: it runs out of memory before anything is computed

    def move(device):
        network.most = 9 if str(device) == "cpu" else 0
        return network

    monkeypatch.setattr(network, "to", move)
    found = localizer.run(oblique_volume)
    assert found.device == "cpu"
    assert "meta ran out of memory with a single slice: continuing with the CPU" in found.notes[-1]


def test_too_little_memory_for_one_slice_on_the_cpu_is_an_error(tiny_model, oblique_volume, monkeypatch):
    localizer, _ = hungry_localizer(tiny_model, 0, 2, monkeypatch)
    with pytest.raises(SettingsError, match="not enough memory for a single slice"):
        localizer.run(oblique_volume)


def test_other_errors_of_the_network_are_not_taken_for_lack_of_memory(tiny_model, oblique_volume, monkeypatch):
    localizer, network = hungry_localizer(tiny_model, 9, 2, monkeypatch)
    monkeypatch.setattr(network, "layer", nn.Conv2d(2, 3, 3))
    with pytest.raises(RuntimeError, match="to have 2 channels"):
        localizer.run(oblique_volume)


def test_scores_that_are_not_finite_are_an_error(tiny_model, oblique_volume, monkeypatch):
    localizer, network = hungry_localizer(tiny_model, 9, 4, monkeypatch)
    with torch.no_grad():
        network.layer.bias[0] = float("nan")
    with pytest.raises(CAMLocalizerError, match="tiny gave no finite score for slices 0 to 3"):
        localizer.run(oblique_volume)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "tpu"}, "device must be auto, cpu, cuda, cuda:N or mps, got 'tpu'"),
        ({"device": "cuda:99"}, "device cuda:99 is not available"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"precision": "float8"}, "precision must be one of float32, bfloat16"),
    ],
)
def test_settings_of_the_machine_out_of_range_are_refused(tiny_model, settings, message):
    with pytest.raises(SettingsError, match=message):
        Localizer(tiny_model, **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"view": "oblique"}, "view oblique is not among those of model tiny; use axial, coronal, sagittal or auto"),
        ({"scales": (1, 7)}, r"unknown scales \(7,\); the model provides \(1, 2, 3, 4\)"),
        ({"scales": ()}, "scales must name at least one of .*, got none"),
    ],
)
def test_a_view_or_scale_that_the_model_lacks_is_refused(tiny_model, oblique_volume, settings, message):
    with pytest.raises(SettingsError, match=message):
        Localizer(tiny_model, device="cpu").run(oblique_volume, **settings)


def test_an_unknown_model_is_refused():
    with pytest.raises(ModelError, match="unknown model"):
        Localizer("no-such-model")


def test_auto_finds_a_device():
    assert choose_device("auto").type in ("cpu", "cuda", "mps")


def test_cells_lie_where_the_network_sees_and_are_held_to_the_border(tiny_card, oblique_volume, tmp_path):
    settings = {"channels": (4, 4, 4, 4, 4)}
    card = replace(tiny_card, network="alexnet_gap", network_settings=settings, size=(80, 112), scales=(1,))
    network = build_network("alexnet_gap", classes=3, **settings)
    found = Localizer(save_model(tmp_path / "tiny", card, network), device="cpu").run(oblique_volume, view="axial")
    (entry,) = found.pyramid.maps
    stack = slice_stack(oblique_volume, "axial", spacing_mm=card.spacing_mm, size=card.size)
    assert tuple(network.features(torch.zeros(1, 1, 112, 80)).shape[2:]) == (2, 1)  # a cell before, two behind are held
    held = entry.array_kji
    assert held.shape[1:] == (5, 4)
    np.testing.assert_array_equal(held, np.pad(held[:, 1:3, 1:2], ((0, 0), (1, 2), (1, 2)), mode="edge"))
    np.testing.assert_allclose(entry.grid.to_lps((1, 1, 0)), stack.grid.to_lps((31, 31, 0)), atol=1e-4)
    assert found.label_map().grid == oblique_volume.grid


@pytest.mark.parametrize("given", [None, "layer-cam"])
def test_maps_are_made_by_the_method_that_the_card_or_the_caller_names(tiny_card, oblique_volume, tmp_path, given):
    settings = {"head": "sam", "channels": (4, 4, 8, 8)}
    card = replace(tiny_card, network="hesam", network_settings=settings, size=(32, 32), scales=(1,), map="sam")
    torch.manual_seed(4)
    model = save_model(tmp_path / "tiny", card, build_network("hesam", classes=3, **settings), dtype=torch.float32)
    found = Localizer(model, device="cpu", map=given).run(oblique_volume, view="axial")
    stack = slice_stack(oblique_volume, "axial", spacing_mm=card.spacing_mm, size=card.size)
    images = torch.from_numpy(normalise_slices(stack.batch(0, len(stack)), card.normalisation))[:, None]
    network = model.network()
    method = SAM(network) if given is None else LayerCAM(network, "features")
    expected = method(images, lambda logits: target_weights(logits, card)).maps[1].numpy()
    assert expected.max() > 0
    np.testing.assert_allclose(arrays(found)[1], expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_a_method_that_does_not_exist_is_refused(tiny_model):
    with pytest.raises(SettingsError, match="map must be one of"):
        Localizer(tiny_model, map="eigen-cam")
