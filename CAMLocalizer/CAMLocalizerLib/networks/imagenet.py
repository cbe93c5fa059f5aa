"""ImageNet weights for AlexNet and VGG, from a local file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from ..core import ModelError
from .tensors import read_tensors

PREFIX = "features."


def load_imagenet_backbone(
    network: nn.Module, path_or_state: str | os.PathLike[str] | Mapping[str, Tensor]
) -> tuple[str, ...]:
    """Load convolutions that were trained on ImageNet into a network's ``features``.

    Nothing is downloaded and no pickle is read. Convert torchvision's ``alexnet``, ``vgg16``, ``vgg19`` or a ``_bn``
    variant to safetensors once with ``safetensors.torch.save_file(model.state_dict(), path)``. Layers are matched in
    order, so layers after the published convolutions, as in the modified networks, keep their initial weights. The
    weights expect images in 0..1, normalised with ImageNet's mean and standard deviation.

    Args:
        network: network with ``features``, such as `GAPClassifier` and `VGGUNet`; its weights are replaced in place.
            With ``in_channels=1`` the first convolution is summed over colours, which is equivalent to copying a grey
            image to three channels. Batch normalisation is loaded if the network has it.
        path_or_state: safetensors file, or tensors by torchvision's names.

    Returns:
        Names of the network's tensors that were replaced.

    Raises:
        ModelError: a file that is not a safetensors file, tensors of another network, batch normalisation in only one
            of file and network, or a network with neither one nor three input channels.
    """
    given = path_or_state if isinstance(path_or_state, Mapping) else read_tensors(path_or_state)
    published = {name.removeprefix(PREFIX): tensor for name, tensor in given.items() if name.startswith(PREFIX)}
    features = network.get_submodule(PREFIX.removesuffix("."))
    own = features.state_dict()
    tensors = {name: published[source] for name, source in _match(_layers(own), _layers(published)).items()}
    first = next(iter(tensors))
    tensors[first] = _fit_colours(tensors[first], own[first])
    for name, tensor in tensors.items():
        if tensor.shape != own[name].shape:
            raise ModelError(
                f"ImageNet weights for {PREFIX}{name} have shape {tuple(tensor.shape)}, the network expects "
                f"{tuple(own[name].shape)}: they belong to another network"
            )
    features.load_state_dict(tensors, strict=False)
    return tuple(PREFIX + name for name in tensors)


def _layers(names: Iterable[str]) -> list[dict[str, str]]:
    """Group names such as ``0.weight`` by layer, in order: for each layer, the kind of each tensor to its name."""
    layers: dict[int, dict[str, str]] = {}
    for name in names:
        index, _, kind = name.partition(".")
        layers.setdefault(int(index), {})[kind] = name
    return [layers[index] for index in sorted(layers)]


def _match(own: list[dict[str, str]], published: list[dict[str, str]]) -> dict[str, str]:
    """Map the network's names to the published names, layer by layer; the first one is a convolution's weight."""
    if not published:
        raise ModelError(f"ImageNet weights need tensors whose names start with {PREFIX!r}, as in torchvision")
    if len(published) > len(own):
        raise ModelError(
            f"ImageNet weights have {len(published)} layers, the network {len(own)}: they belong to another network"
        )
    pairs: dict[str, str] = {}
    for mine, theirs in zip(own, published, strict=False):
        if set(mine) != set(theirs):
            raise ModelError(
                f"ImageNet weights have {sorted(theirs)} where the network has {sorted(mine)}: batch normalisation "
                "must be in both or in neither, set batch_norm accordingly"
            )
        pairs |= {mine[kind]: theirs[kind] for kind in mine}
    return pairs


def _fit_colours(weight: Tensor, own: Tensor) -> Tensor:
    """Sum the weight of a convolution (O, 3, h, w) over colours if the network's input is grey."""
    if own.shape[1] not in (1, 3):
        raise ModelError(f"ImageNet weights need images of 1 or 3 channels, the network has {own.shape[1]}")
    return weight.sum(1, keepdim=True) if own.shape[1] == 1 else weight
