"""DenseNet-121 with our head."""

from __future__ import annotations

import sys

import pytest
import torch

from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.networks.densenet import DenseNet121

pytest.importorskip("monai")


def test_it_equals_the_published_network_except_for_the_head():
    from monai.networks.nets import DenseNet121 as Published

    torch.manual_seed(2)
    published = Published(spatial_dims=2, in_channels=1, out_channels=3).eval()
    ours = DenseNet121(classes=3).eval()
    ours.backbone.load_state_dict(published.features.state_dict())
    ours.head.load_state_dict(published.class_layers.out.state_dict())
    images = torch.randn(2, 1, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), published(images))


def test_pretrained_grey_weights_answer_as_three_equal_channels(monkeypatch):
    import monai.networks.nets.densenet as source

    monkeypatch.setattr(source, "_load_state_dict", lambda *_: None)  # what would fetch them
    torch.manual_seed(5)
    colour = DenseNet121(in_channels=3, pretrained=True).eval()
    torch.manual_seed(5)
    grey = DenseNet121(in_channels=1, pretrained=True).eval()
    image = torch.randn(1, 1, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(grey.backbone(image), colour.backbone(image.expand(-1, 3, -1, -1)))


def test_weights_that_cannot_be_fetched_are_a_clear_error(monkeypatch):
    import monai.networks.nets.densenet as source

    def refuse(*_):
        raise OSError("no route to host")

    monkeypatch.setattr(source, "_load_state_dict", refuse)
    with pytest.raises(ModelError, match=r"cannot be downloaded \(no route to host\)"):
        DenseNet121(in_channels=3, pretrained=True)


def test_without_monai_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "monai.networks.nets", None)
    with pytest.raises(ModelError, match=r"pip install 'camlocalizer\[training\]'"):
        DenseNet121()


def test_pretrained_weights_for_two_channels_are_refused():
    with pytest.raises(ValueError, match="got in_channels 2"):
        DenseNet121(in_channels=2, pretrained=True)
