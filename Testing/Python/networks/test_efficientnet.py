"""EfficientNet-Lite: shapes, padding and positions of its cells."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from CAMLocalizerLib.networks.efficientnet import VARIANTS, EfficientNetLite


def encoder(name: str = "efficientnet-lite0", in_channels: int = 1) -> EfficientNetLite:
    torch.manual_seed(2)
    return EfficientNetLite(name, in_channels).eval()


@pytest.mark.parametrize(
    ("name", "channels", "blocks"),
    [
        ("efficientnet-lite0", (16, 24, 40, 80 + 112), (1, 2, 2, 3, 3)),
        ("efficientnet-lite1", (16, 24, 40, 80 + 112), (1, 3, 3, 4, 4)),
        ("efficientnet-lite2", (16, 24, 48, 88 + 120), (1, 3, 3, 4, 4)),
    ],
)
def test_variants_have_the_published_widths_and_depths(name: str, channels: tuple[int, ...], blocks: tuple[int, ...]):
    model = encoder(name)
    assert model.channels == channels
    assert tuple(len(stage) for stage in model.stages) == blocks
    with torch.inference_mode():
        maps = model(torch.rand(2, 1, 64, 96))
    sizes = [(2, count, 64 // stride, 96 // stride) for count, stride in zip(channels, (2, 4, 8, 16), strict=True)]
    assert [tuple(each.shape) for each in maps] == sizes


def test_a_grey_image_answers_as_its_copy_in_three_channels():
    grey, coloured, image = encoder(), encoder(in_channels=3), torch.rand(1, 1, 32, 32)
    coloured.load_state_dict(grey.state_dict())
    with torch.inference_mode():
        pairs = zip(grey(image), coloured(image.expand(-1, 3, -1, -1)), strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)


def test_images_are_scaled_as_the_published_weights_expect():
    model, seen = encoder(), []
    model.stem.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    image = torch.rand(1, 1, 16, 16)
    model(image)
    torch.testing.assert_close(seen[0], ((image * 255 - 127) / 128).expand(-1, 3, -1, -1))


@pytest.mark.parametrize("kernel", [3, 5])
def test_strided_convolutions_pad_as_tensorflow_does(kernel: int):
    index = {3: 1, 5: 2}[kernel]
    block = encoder().stages[index][0].layers
    pad, convolution = (next(each for each in block if isinstance(each, kind) and _strided(each)) for kind in KINDS)
    assert convolution.kernel_size == (kernel, kernel)
    image = torch.randn(1, convolution.in_channels, 8, 8)
    total = max(kernel - 2, 0)  # SAME padding of an even side: kernel - stride pixels, the odd one behind
    padded = functional.pad(image, (total // 2, total - total // 2) * 2)
    naive = functional.conv2d(padded, convolution.weight, stride=2, groups=convolution.groups)
    torch.testing.assert_close(convolution(pad(image)), naive)


KINDS = (nn.ZeroPad2d, nn.Conv2d)


def _strided(layer: nn.Module) -> bool:
    return isinstance(layer, nn.ZeroPad2d) or layer.stride == (2, 2)


@pytest.mark.parametrize(("scale", "stride"), [(0, 2), (1, 4), (2, 8), (3, 16)])
def test_cells_are_centred_on_the_last_of_their_pixels(scale: int, stride: int):
    model = encoder().double()
    for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.constant_(norm.bias, 1.0)  # keeps the activations within the linear range of ReLU6
    image = torch.full((1, 1, 64, 768), 0.5, dtype=torch.float64, requires_grad=True)
    row, column = 32 // stride, 384 // stride
    (gradient,) = torch.autograd.grad(model(image)[scale][0, :, row, column].sum(), image)
    reached = gradient[0, 0].abs().sum(0).nonzero().flatten()
    assert (int(reached[0]) + int(reached[-1])) / 2 == stride * column + stride - 1


def test_unknown_variants_and_channels_are_refused():
    with pytest.raises(ValueError, match=r"encoder must be one of efficientnet-lite0, .* got 'efficientnet-b0'"):
        EfficientNetLite("efficientnet-b0")
    with pytest.raises(ValueError, match="images of 1 or 3 channels, got 2"):
        EfficientNetLite(next(iter(VARIANTS)), 2)
