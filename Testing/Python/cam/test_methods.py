"""Methods by name."""

from __future__ import annotations

import pytest
import torch

from CAMLocalizerLib.cam import CAM, HESAM, METHODS, SAM, GradCAM, GradCAMPlusPlus, LayerCAM, MultiGAPCAM, build_method
from CAMLocalizerLib.core import SettingsError
from CAMLocalizerLib.networks import build_network
from CAMLocalizerLib.option_names import MAPS

NETWORK = {
    "pg-cam": ("dcfpn", {"channels": (4, 4, 4, 4)}),
    "grad-cam": ("dcfpn", {"channels": (4, 4, 4, 4)}),
    "grad-cam++": ("dcfpn", {"channels": (4, 4, 4, 4)}),
    "layer-cam": ("dcfpn", {"channels": (4, 4, 4, 4)}),
    "cam": ("pet_cnn", {"channels": (4,) * 8}),
    "multi-gap-cam": ("multigap", {"channels": (4, 4, 4, 4)}),
    "sam": ("hesam", {"head": "sam", "channels": (4, 4, 8, 8)}),
    "hesam": ("hesam", {"head": "hesam", "channels": (4, 4, 8, 8)}),
}
DIRECT = {
    "pg-cam": lambda model: GradCAM(model, model.cam_layers),
    "grad-cam": lambda model: GradCAM(model, model.cam_layers),
    "grad-cam++": lambda model: GradCAMPlusPlus(model, model.cam_layers),
    "layer-cam": lambda model: LayerCAM(model, model.cam_layers),
    "cam": lambda model: CAM(model, "features", "head"),
    "multi-gap-cam": MultiGAPCAM,
    "sam": SAM,
    "hesam": HESAM,
}


def by_name(name, model):
    return build_method(name, model, model.cam_layers)


def test_every_map_on_offer_has_its_method():
    assert list(METHODS) == list(MAPS) == list(DIRECT)


@pytest.mark.parametrize("name", list(METHODS))
def test_a_name_gives_its_method(name):
    torch.manual_seed(5)
    network, settings = NETWORK[name]
    model = build_network(network, classes=3, **settings).eval()
    images = torch.randn(2, 1, 32, 32)
    highest = 0.0
    for weights in torch.eye(3).repeat(2, 1).split(2):
        found, expected = (method(images, weights) for method in (by_name(name, model), DIRECT[name](model)))
        for scale, maps in expected.maps.items():
            torch.testing.assert_close(found.maps[scale], maps, rtol=1e-4, atol=1e-6)
            highest = max(highest, float(maps.max()))
    assert highest > 0


def test_an_unknown_name_is_refused():
    with pytest.raises(SettingsError, match=r"map must be one of pg-cam, .*, got 'eigen-cam'"):
        build_method("eigen-cam", torch.nn.Identity(), {1: "layer"})


def test_a_method_of_the_last_layer_is_refused_for_a_pyramid():
    model = build_network("dcfpn", channels=(4, 4, 4, 4))
    with pytest.raises(SettingsError, match=r"scales \[1, 2, 3, 4\]; use pg-cam"):
        build_method("sam", model, model.cam_layers)
