"""Networks of timm as encoders, with a stand-in for the library."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.networks import EncoderDCFPN, build_network, load_encoder_weights

REDUCTIONS = {"steps": (2, 2, 4, 8, 16, 32), "coarse": (4, 8, 16, 32)}
MEAN, SD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)


class Steps(nn.Module):
    """Average pooling and a 1x1 convolution for each map wanted, as timm's networks with features_only."""

    def __init__(self, reductions: tuple[int, ...], pretrained: bool) -> None:
        super().__init__()
        self.reductions = reductions
        self.layers = nn.ModuleList(nn.Conv2d(3, 2 + index, 1) for index in range(len(reductions)))
        self.pretrained_cfg = {"mean": MEAN, "std": SD}
        counts = [layer.out_channels for layer in self.layers]
        self.feature_info = SimpleNamespace(reduction=lambda: list(reductions), channels=lambda: counts)
        if pretrained:
            for parameter in self.parameters():
                nn.init.constant_(parameter, 0.25)

    def forward(self, images: Tensor) -> list[Tensor]:
        pooled = [nn.functional.avg_pool2d(images, reduction) for reduction in self.reductions]
        return [layer(maps) for layer, maps in zip(self.layers, pooled, strict=True)]


def create_model(
    name: str, *, features_only: bool, pretrained: bool = False, out_indices: tuple[int, ...] | None = None
) -> Steps:
    assert features_only
    if name not in REDUCTIONS:
        raise RuntimeError(f"Unknown model ({name})")
    reductions = REDUCTIONS[name]
    return Steps(tuple(reductions[index] for index in out_indices or range(len(reductions))), pretrained)


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=create_model))


@pytest.mark.usefixtures("timm")
def test_a_timm_network_is_used_as_encoder():
    model = build_network("dcfpn", encoder="timm:steps", channels=[2, 3, 4, 5], mirror=True).eval()
    assert isinstance(model, EncoderDCFPN)
    assert model.encoder.model.reductions == (2, 4, 8, 16)
    assert model.encoder.channels == (2, 3, 4, 5)
    assert model(torch.rand(2, 1, 32, 48)).shape == (2, 4)


@pytest.mark.usefixtures("timm")
def test_images_are_normalised_as_the_network_expects():
    model, image = EncoderDCFPN(encoder="timm:steps").eval(), torch.rand(1, 1, 16, 16)
    seen: list[Tensor] = []
    model.encoder.model.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    model(image)
    for channel in range(3):
        torch.testing.assert_close(seen[0][:, channel], (image[:, 0] - MEAN[channel]) / SD[channel])


@pytest.mark.usefixtures("timm")
def test_its_published_weights_come_from_timm():
    model = EncoderDCFPN(encoder="timm:steps")
    load_encoder_weights(model, "imagenet")
    assert all(bool((parameter == 0.25).all()) for parameter in model.encoder.parameters())


@pytest.mark.usefixtures("timm")
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"encoder": "timm:coarse"}, r"has maps of strides \[4, 8, 16, 32\] and lacks \[2\]; choose another network"),
        ({"encoder": "timm:nothing"}, r"timm cannot build 'nothing' as an encoder: Unknown model"),
        ({"encoder": "timm:steps", "in_channels": 2}, "images of 1 or 3 channels, got 2"),
    ],
)
def test_unsupported_networks_are_refused(settings: dict[str, object], sentence: str):
    with pytest.raises(ModelError, match=sentence):
        build_network("dcfpn", **settings)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModelError, match=r"encoders timm:NAME need the timm library.*pip install timm"):
        build_network("dcfpn", encoder="timm:resnet18")
