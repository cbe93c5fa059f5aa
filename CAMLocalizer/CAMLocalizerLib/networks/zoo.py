"""Public classifiers of keras.applications as torch networks."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..core import ModelError


@dataclass(frozen=True)
class Application:
    """A network of ``keras.applications``.

    Args:
        keras_name: name in ``keras.applications``.
        channels: number of last feature maps.
        margin: zero padding of the image, left or top and right or bottom, so that the maps of unpadded convolutions
            have 1/32 of the image's size, with each cell centred on its 32 pixels.
    """

    keras_name: str
    channels: int
    margin: tuple[int, int] = (0, 0)


APPLICATIONS: Mapping[str, Application] = MappingProxyType(
    {
        "xception": Application("Xception", 2048),
        "resnet50v2": Application("ResNet50V2", 2048),
        "inception_v3": Application("InceptionV3", 2048, margin=(22, 21)),
        "mobilenet_v2": Application("MobileNetV2", 1280),
    }
)


class KerasBackbone(nn.Module):
    """A Keras network without its top, on Keras' torch backend.

    Keras numbers layer names across all networks of a process, so its parameter names differ between instances; here a
    parameter is named by its position in the network. As in Keras, running statistics are parameters without gradients.
    Initial weights depend on ``torch.manual_seed``. Weights stay float32; half precision uses autocast.

    Args:
        application: a key of :data:`APPLICATIONS`.
        in_channels: channels of the input image.
        norm_momentum: momentum of batch normalisation: fraction of the running statistics kept in each step.
        weights: None, or ``imagenet`` for the published weights, which Keras downloads.

    Raises:
        ModelError: Keras is not installed or uses another backend, or the weights cannot be downloaded.
    """

    def __init__(
        self, application: str, in_channels: int, *, norm_momentum: float = 0.9, weights: str | None = None
    ) -> None:
        super().__init__()
        self.application, self.in_channels, self.norm_momentum = application, in_channels, norm_momentum
        model = _keras_model(application, in_channels, weights)
        for layer in model.layers:
            if hasattr(layer, "moving_variance"):
                layer.momentum = norm_momentum
        self._hidden = (model,)  # a tuple hides it from torch, which would use Keras' parameter names
        for index, variable in enumerate(model.variables):
            self.register_parameter(f"{index:03d}_{variable.name}", variable.value)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, in_channels, H, W) to the last feature maps (N, C, h, w), in the images' dtype."""
        (model,) = self._hidden
        device, half = images.device, images.dtype in (torch.bfloat16, torch.float16)
        mixed = torch.autocast(device.type, images.dtype) if half else nullcontext()
        with import_keras().device(str(device)), mixed:
            return model(images, training=self.training).to(images.dtype)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> KerasBackbone:
        """Move parameters but keep float32, since Keras fixes the dtype of layers when it creates them."""
        super()._apply(fn, recurse)
        for parameter in self.parameters():
            parameter.data = parameter.data.float()
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by rebuilding, since Keras' own method would detach our parameters."""
        flags = {name: parameter.requires_grad for name, parameter in self.named_parameters()}
        built = (self.application, self.in_channels, self.norm_momentum)
        return _rebuild, (built, self.state_dict(), flags, self.training)


def _rebuild(
    built: tuple[str, int, float], state: Mapping[str, Tensor], flags: Mapping[str, bool], training: bool
) -> KerasBackbone:
    application, in_channels, norm_momentum = built
    backbone = KerasBackbone(application, in_channels, norm_momentum=norm_momentum)
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_(flags[name])
        parameter.data = state[name].detach().clone()
    return backbone.train(training)


class ZooClassifier(nn.Module):
    """A public classifier: a Keras network, global average pooling and one linear layer.

    Height and width are any multiples of 32; the last maps have 1/32 of the size. InceptionV3 does not pad its
    convolutions: 96 pixels would give a single cell, and cells would not divide the image evenly. Its images are
    therefore padded with zeros (22 before, 21 after); weights and layers are the published ones.

    Keras' batch normalisation keeps 0.99 (MobileNetV2 0.999) of its running statistics in each step. With a few hundred
    images they would still describe the untrained network at the end of training, so the default here is 0.9, as in
    PyTorch.

    Args:
        application: ``xception``, ``resnet50v2``, ``inception_v3`` or ``mobilenet_v2``.
        in_channels: channels of the input image, at least 1.
        classes: number of output classes, at least 1.
        norm_momentum: momentum of batch normalisation, 0 to 1: fraction of the running statistics kept in each step.
        pretrained: start from ImageNet weights, which Keras downloads. They expect intensities of about -1 to 1. For 1
            channel, the first kernel is summed over its three channels, which is equivalent to repeating a grey image.

    Raises:
        ValueError: a number out of range, or pretrained weights for channels other than 1 or 3.
        ModelError: Keras is not installed or uses another backend, or the weights cannot be downloaded.

    Source:
        Chollet, Xception, CVPR 2017; He et al., Identity Mappings in Deep Residual Networks, ECCV 2016; Szegedy et
        al., Rethinking the Inception Architecture, CVPR 2016; Sandler et al., MobileNetV2, CVPR 2018.
    """

    cam_layers: Mapping[int, str] = MappingProxyType({1: "features"})
    strides: Mapping[int, int] = MappingProxyType({1: 32})

    def __init__(
        self,
        application: str,
        in_channels: int = 1,
        classes: int = 2,
        norm_momentum: float = 0.9,
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        if min(in_channels, classes) < 1 or not 0 <= norm_momentum < 1:
            raise ValueError(
                f"in_channels and classes must be at least 1 and norm_momentum 0 to 1, got {in_channels}, {classes} "
                f"and {norm_momentum}"
            )
        before, behind = APPLICATIONS[application].margin
        self.margin = (before, behind, before, behind)
        build = _pretrained if pretrained else KerasBackbone
        self.backbone = build(application, in_channels, norm_momentum=norm_momentum)
        self.features = nn.Identity()
        self.head = nn.Linear(APPLICATIONS[application].channels, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Classify images (N, in_channels, H, W), sides multiples of 32; returns logits (N, classes)."""
        padded = functional.pad(images, self.margin) if any(self.margin) else images
        return self.head(self.features(self.backbone(padded)).mean((2, 3)))


def _pretrained(application: str, in_channels: int, *, norm_momentum: float) -> KerasBackbone:
    if in_channels not in (1, 3):
        raise ValueError(f"pretrained weights need 1 or 3 channels, got in_channels {in_channels}")
    fetched = KerasBackbone(application, 3, norm_momentum=norm_momentum, weights="imagenet")
    if in_channels == 3:
        return fetched
    state = fetched.state_dict()
    first = next(name for name, tensor in state.items() if tensor.dim() == 4)  # (rows, columns, 3, C)
    state[first] = state[first].sum(2, keepdim=True)
    backbone = KerasBackbone(application, 1, norm_momentum=norm_momentum)
    backbone.load_state_dict(state)
    return backbone


def import_keras() -> Any:
    """Import Keras on its torch backend.

    Raises:
        ModelError: Keras is not installed, or uses another backend in this process.
    """
    os.environ.setdefault("KERAS_BACKEND", "torch")
    try:
        import keras
    except ImportError as error:
        raise ModelError(
            f"this network needs Keras with its torch backend ({error}): pip install 'camlocalizer[zoo]' and leave "
            "KERAS_BACKEND unset or torch"
        ) from error
    if (backend := keras.config.backend()) != "torch":
        raise ModelError(f"Keras uses {backend}, this network needs torch; start with KERAS_BACKEND=torch")
    return keras


def _keras_model(application: str, in_channels: int, weights: str | None) -> Any:
    keras = import_keras()
    make = getattr(keras.applications, APPLICATIONS[application].keras_name)
    with _channels_first(keras), _drawing_from_torch(), keras.device("cpu"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*input_shape.*", category=UserWarning)
        if weights is None:
            return make(include_top=False, weights=None, input_shape=(in_channels, None, None))
        try:
            return make(include_top=False, weights=weights, input_shape=(in_channels, None, None))
        except Exception as error:  # Keras raises plain Exception where a download fails
            raise ModelError(
                f"the ImageNet weights of {application} cannot be downloaded ({error}); connect to the internet or "
                "build it without pretrained weights"
            ) from error


@contextmanager
def _channels_first(keras: Any) -> Iterator[None]:
    """Make Keras create layers for images (N, C, H, W), and restore its setting."""
    former = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        yield
    finally:
        keras.config.set_image_data_format(former)


@contextmanager
def _drawing_from_torch() -> Iterator[None]:
    """Seed Python's generator, which Keras uses, from torch, and restore it afterwards."""
    former = random.getstate()
    random.seed(int(torch.randint(2**31, ())))
    try:
        yield
    finally:
        random.setstate(former)
