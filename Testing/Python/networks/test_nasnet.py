"""NASNet-A (4 @ 1056) against the published counts."""

from __future__ import annotations

import pytest
import torch

from CAMLocalizerLib.cam import GradCAM
from CAMLocalizerLib.networks.nasnet import Halving, NASNetMobile, SeparableConvolutions


@pytest.fixture(scope="module")
def network() -> NASNetMobile:
    torch.manual_seed(0)
    return NASNetMobile(in_channels=3, classes=1000).eval()


def test_it_has_the_published_number_of_parameters(network: NASNetMobile):
    tensors = [tensor for name, tensor in network.state_dict().items() if "num_batches" not in name]
    top = network.head.weight.numel() + network.head.bias.numel()
    assert sum(tensor.numel() for tensor in tensors) == 5_326_716  # Keras' NASNetMobile
    assert sum(tensor.numel() for tensor in tensors) - top == 4_269_716  # the same without top


@pytest.mark.parametrize(("height", "width"), [(64, 96), (70, 45)])
def test_maps_have_a_32nd_of_the_image(network: NASNetMobile, height: int, width: int):
    shapes = []
    handle = network.features.register_forward_hook(lambda _module, _inputs, output: shapes.append(output.shape))
    with torch.no_grad():
        assert network(torch.zeros(1, 3, height, width)).shape == (1, 1000)
    handle.remove()
    assert shapes == [(1, 1056, -(-height // 32), -(-width // 32))]


def test_grad_cam_reaches_the_last_maps(network: NASNetMobile):
    maps = GradCAM(network, network.cam_layers)(torch.randn(1, 3, 64, 64)).maps[1]
    assert maps.shape == (1, 2, 2)


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("size", [7, 8])
def test_a_stride_halves_upwards(kernel: int, size: int):
    block = SeparableConvolutions(2, 4, kernel, stride=2).eval()
    assert block(torch.zeros(1, 2, size, size)).shape == (1, 4, (size + 1) // 2, (size + 1) // 2)


def test_halving_takes_even_cells_and_their_neighbours():
    block = Halving(1, 2).eval()
    for convolution in (block.even, block.odd):
        torch.nn.init.ones_(convolution.weight)
    block.norm.eps = 0.0
    even, odd = block(torch.arange(9.0).reshape(1, 1, 3, 3))[0]
    assert even.tolist() == [[0, 2], [6, 8]]
    assert odd.tolist() == [[4, 0], [0, 0]]  # zeros beyond the border


def test_a_number_of_classes_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1, got 1 and 0"):
        NASNetMobile(classes=0)
