"""A PET in two projections: where it was hot, and of which type."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
import torch
from torch import nn

from CAMLocalizerLib.core import Grid, InputError, SettingsError, Volume
from CAMLocalizerLib.localizer import LabelSettings, Localizer
from CAMLocalizerLib.localizer.targets import common_logits
from CAMLocalizerLib.models import ModelBundle, ModelCard, save_model
from CAMLocalizerLib.networks import build_network
from CAMLocalizerLib.views import mip_images

STORAGE_ORDERS = [(order, flips) for order in permutations(range(3)) for flips in product((1, -1), repeat=3)]
SIZE, SPACING = (18, 14, 30), (4.0, 4.0, 3.0)
HOT = (slice(21, 24), slice(3, 5), slice(12, 15))  # k, j, i: superior, anterior, to the left
CARD = ModelCard(
    name="tiny-pet",
    version="1.0",
    network="dcfpn",
    network_settings={"channels": (4, 4, 4, 4)},
    modality="FDG-PET",
    spacing_mm=2.0,
    size=(32, 32),
    normalisation="suv-30",
    classes=("lung", "oesophagus"),
    tumour_classes=("lung", "oesophagus"),
    scales=(1,),
    target="class",
    projections=True,
    unit="SUVbw",
)


class Bright(nn.Module):
    """Its map is the image, pooled: for lung as it is, for oesophagus upside down."""

    def __init__(self, stride: int = 2, bias: tuple[float, float] = (0.0, 0.0)) -> None:
        super().__init__()
        self.cam_layers, self.strides = {1: "both"}, {1: stride}
        self.pool, self.both, self.bias = nn.MaxPool2d(stride), nn.Identity(), bias

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pooled = self.pool(images)
        both = self.both(torch.cat([pooled, pooled.flip(2)], dim=1))
        return both.mean((2, 3)) + torch.tensor(self.bias).to(both)


@pytest.fixture
def see_bright(monkeypatch):
    def localizer(card: ModelCard = CARD, **settings) -> Localizer:
        network = Bright(**settings)
        monkeypatch.setattr(ModelBundle, "network", lambda _: network)
        return Localizer(ModelBundle(card, None), device="cpu")

    return localizer


def body() -> Volume:
    """Background of 1, one hot lesion of 12 far from every middle, stored to left, posterior, superior."""
    array = np.random.default_rng(3).uniform(0.5, 1.5, SIZE[::-1]).astype(np.float32)
    array[HOT] = 12.0
    grid = Grid(SIZE, SPACING, (-50.0, 20.0, -400.0), np.eye(3))
    return Volume(array, grid, name="pet", unit="SUVbw")


def stored_otherwise(volume: Volume, order: tuple[int, ...], flips: tuple[int, ...]) -> Volume:
    grid = volume.grid
    array = volume.array_kji.transpose(2, 1, 0).transpose(order)[tuple(slice(None, None, flip) for flip in flips)]
    first = np.zeros(3)
    first[list(order)] = [n - 1 if flip < 0 else 0 for n, flip in zip(array.shape, flips, strict=True)]
    spacing = np.array(grid.spacing_mm)[list(order)]
    stored = Grid(array.shape, tuple(spacing), tuple(grid.to_lps(first)), grid.direction[:, order] * flips)
    return Volume(np.ascontiguousarray(array.transpose(2, 1, 0)), stored, name="pet", unit="SUVbw")


@pytest.mark.parametrize(("order", "flips"), STORAGE_ORDERS)
def test_the_hot_voxels_and_no_others_are_labelled_for_every_storage_order(see_bright, order, flips):
    volume = stored_otherwise(body(), order, flips)
    found = see_bright(bias=(1.0, 0.0)).run(volume)
    assert found.activation().max() > 0.99
    np.testing.assert_array_equal(found.label_map().array_kji > 0, volume.array_kji == 12.0)
    part, *others = found.components()
    assert others == []
    expected = body().grid.to_lps((13.0, 3.5, 22.0))
    np.testing.assert_allclose(part.centre_lps_mm, expected, atol=1e-6)


def test_coarse_cells_of_an_oblique_volume_find_the_lesion(see_bright):
    turn = np.linalg.qr(np.eye(3) + 0.15 * np.random.default_rng(2).normal(size=(3, 3)))[0]
    volume = body()
    tilted = Volume(volume.array_kji, replace(volume.grid, direction=turn), name="tilted", unit="SUVbw")
    found = see_bright(stride=16, bias=(1.0, 0.0)).run(tilted)
    np.testing.assert_array_equal(found.label_map().array_kji > 0, volume.array_kji == 12.0)


def test_both_maps_explain_the_type_that_is_most_probable_in_the_mean(see_bright):
    upright, upside_down = (see_bright(bias=bias).run(body()) for bias in ((2.0, 0.0), (0.0, 2.0)))
    assert upright.tumour_type[0] == "lung"
    name, probability = upside_down.tumour_type
    assert name == "oesophagus"
    assert probability == pytest.approx(float(upside_down.probabilities[:, 1].mean()))
    np.testing.assert_allclose(upside_down.maps[1], upright.maps[1][:, ::-1], rtol=1e-4, atol=1e-7)


def test_one_projection_cannot_explain_another_type_than_the_other():
    logits = torch.tensor([[3.0, 0.0], [0.0, 0.5]])  # mean probabilities 0.67, 0.33
    mean = logits.softmax(1).mean(0)
    assert common_logits(logits).argmax(1).tolist() == [0, 0]
    torch.testing.assert_close(common_logits(logits).exp(), mean.expand(2, 2))


@pytest.fixture
def tiny_pet(tmp_path) -> ModelBundle:
    torch.manual_seed(5)
    network = build_network("dcfpn", classes=2, channels=(4, 4, 4, 4))
    return save_model(tmp_path / "models" / "tiny-pet", CARD, network, dtype=torch.float32)


@pytest.mark.parametrize("batch_size", [1, 8])
def test_a_pyramid_network_explains_both_projections_at_every_scale(tiny_pet, batch_size):
    found = Localizer(tiny_pet, device="cpu", batch_size=batch_size).run(body())
    assert {scale: maps.shape for scale, maps in found.maps.items()} == {
        1: (2, 48, 48), 2: (2, 24, 24), 3: (2, 12, 12), 4: (2, 6, 6)}  # fmt: skip
    assert found.view == "projections"
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1.0, rtol=1e-5)
    both = found.activation(scales=(1, 4), weights={1: 1.0, 4: 0.5})
    assert both.shape == body().array_kji.shape
    assert 0 <= both.min() <= both.max() <= 1
    assert LabelSettings(scales=(1, 4)).completed(found.default_settings()).scales == (1, 4)


def test_the_maps_of_the_pet_network_are_its_class_weights_times_its_features_up_to_a_factor(tmp_path):
    torch.manual_seed(6)
    network = build_network("pet_cnn", classes=2, channels=(2, 2, 2, 2, 4, 4, 4, 4)).eval()
    settings = {"channels": (2, 2, 2, 2, 4, 4, 4, 4)}
    card = replace(CARD, network="pet_cnn", network_settings=settings)
    found = Localizer(save_model(tmp_path / "pet", card, network, dtype=torch.float32), device="cpu").run(body())
    images = torch.from_numpy(mip_images(body(), 2.0, found.pair.pixels))[:, None]
    with torch.inference_mode():
        features = network.features(images)  # (2, C, h, w)
    weights = network.head.weight.detach()[card.classes.index(found.tumour_type[0])]
    expected = torch.einsum("nchw,c->nhw", features, weights).relu().numpy()
    assert expected.max() > 0
    np.testing.assert_allclose(found.maps[1] / found.maps[1].max(), expected / expected.max(), atol=1e-4)


def test_tall_volumes_grow_the_projection_and_small_ones_are_padded_to_the_models_size(see_bright):
    assert see_bright().run(body()).pair.pixels == (48, 48)
    assert see_bright(replace(CARD, size=(96, 64))).run(body()).pair.pixels == (96, 64)
    wide = Volume(body().array_kji, replace(body().grid, spacing_mm=(5.0, 5.0, 5.0)), name="wide", unit="SUVbw")
    assert see_bright(stride=32).run(wide).pair.pixels == (64, 96)


def test_the_label_follows_threshold_and_uptake_fraction(see_bright):
    found = see_bright(bias=(1.0, 0.0)).run(body())
    lower = found.label_map(threshold="0", uptake_border="5%")
    assert lower.volume_mm3 > found.label_map().volume_mm3
    with pytest.raises(SettingsError, match="uptake_border must be above 0"):
        found.label_map(uptake_border="0%")
    with pytest.raises(SettingsError, match=r"unknown scales \(3,\); the model provides \(1,\)"):
        found.activation(scales=(3,))


HEALTHY = replace(CARD, classes=("healthy", "lung"), tumour_classes=("lung",))


def test_a_case_below_the_probability_limit_has_no_activation(see_bright):
    found = see_bright(HEALTHY, bias=(3.0, 0.0)).run(body())
    assert found.tumour_probable is False
    assert found.activation().max() > 0.9
    assert not found.activation(probability_limit=0.5).any()
    assert found.summary(False) == f"no tumour found (probability {found.tumour_probability:.2f})"
    assert found.volume_probability == found.tumour_probability
    assert found.class_probabilities == {"lung": 1.0}
    assert found.notes == ()


def test_a_model_without_a_healthy_class_says_so(see_bright):
    assert see_bright().run(body()).notes == (
        "tiny-pet tells types of tumour apart and knows no case without one",
    )  # fmt: skip


def test_a_file_without_a_unit_is_taken_for_suv_and_that_is_noted(see_bright):
    volume = body()
    found = see_bright(HEALTHY).run(Volume(volume.array_kji, volume.grid, name="pet"))
    assert found.notes == ("the file of pet names no unit: its values were taken for SUVbw",)


def test_values_that_are_hardly_uptake_are_noted(see_bright):
    volume = body()
    found = see_bright(HEALTHY).run(Volume(volume.array_kji * 100, volume.grid, name="pet", unit="SUVbw"))
    assert "most of pet lies above 30, up to 1200: these are hardly standardised uptake values" in found.notes[0]


def test_another_unit_is_refused(see_bright):
    volume = body()
    with pytest.raises(InputError, match="ct: voxels are in HU, model tiny-pet needs SUVbw; give a PET in SUVbw"):
        see_bright().run(Volume(volume.array_kji, volume.grid, name="ct", unit="HU"))


def test_a_unit_is_checked_for_slices_too(tiny_model, oblique_volume):
    card = replace(tiny_model.card, unit="HU")
    volume = Volume(oblique_volume.array_kji, oblique_volume.grid, name="pet", unit="SUVbw")
    with pytest.raises(InputError, match="voxels are in SUVbw, model tiny needs HU"):
        Localizer(ModelBundle(card, tiny_model.folder), device="cpu").run(volume)


def test_a_single_image_and_a_thin_volume_are_refused(see_bright):
    image = Volume(
        np.arange(400, dtype=np.float32).reshape(1, 20, 20), Grid((20, 20, 1), (4, 4, 4), (0, 0, 0), np.eye(3))
    )
    with pytest.raises(InputError, match="is a single image; model tiny-pet uses projections"):
        see_bright().run(image)
    thin = Volume(
        np.arange(800, dtype=np.float32).reshape(2, 20, 20), Grid((20, 20, 2), (4, 4, 4), (0, 0, 0), np.eye(3))
    )
    with pytest.raises(InputError, match="covers 80 x 80 x 8 mm, less than one feature cell of 32 mm"):
        see_bright(stride=16).run(thin)


def test_a_plane_cannot_be_chosen(see_bright):
    with pytest.raises(SettingsError, match="view axial is for slices; model tiny-pet uses two projections"):
        see_bright().run(body(), view="axial")


def test_both_projections_go_to_the_cpu_when_memory_runs_out(see_bright, monkeypatch):
    localizer = see_bright(bias=(1.0, 0.0))
    expected = localizer.run(body())
    roomy = type(localizer._network).forward

    def short_of_memory(network, images):
        if short_of_memory.left:
            short_of_memory.left -= 1
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return roomy(network, images)

    short_of_memory.left = 3  # 8, 4 and 2 images at once
    monkeypatch.setattr(Bright, "forward", short_of_memory)
    localizer.device = torch.device("meta")
    monkeypatch.setattr(Bright, "to", lambda network, *_: network)
    monkeypatch.setattr(torch.Tensor, "to", _stay_on_the_cpu(torch.Tensor.to))
    found = localizer.run(body())
    assert "meta ran out of memory with both projections: continuing with the CPU" in found.notes[-1]
    np.testing.assert_allclose(found.maps[1], expected.maps[1])


def _stay_on_the_cpu(to):
    return lambda tensor, *given, **named: to(
        tensor, *[entry for entry in given if entry != torch.device("meta")], **named
    )


def test_progress_counts_projections(see_bright):
    told = []
    see_bright().run(body(), progress=lambda done, total: told.append((done, total)))
    assert told == [(2, 2)]


def test_volumes_of_air_have_no_maps(see_bright):
    volume = body()
    cold = Volume(-volume.array_kji, volume.grid, name="cold", unit="SUVbw")
    found = see_bright().run(cold)
    assert not found.label_map().array_kji.any()


def test_projections_without_any_contrast_have_no_maps(see_bright):
    array = np.full((32, 32, 32), 2.0, dtype=np.float32)
    array[5, 6, 7] = 1.0  # hidden behind the rest in both projections
    flat = Volume(array, Grid((32, 32, 32), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0), np.eye(3)), name="flat", unit="SUVbw")
    found = see_bright().run(flat)
    assert not found.activation().any()
    np.testing.assert_array_equal(found.probabilities, 0.5)
