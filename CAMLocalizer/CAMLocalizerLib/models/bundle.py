"""ModelBundle: a checked model card and its weights, loaded without running code from the bundle."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import ModelError
from .card import ModelCard
from .search import CARD_FILE, find_bundle

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

WEIGHTS_FILE = "weights.safetensors"


@dataclass(frozen=True)
class ModelBundle:
    """A model bundle whose weights have the checksum stated in its card.

    Args:
        card: the model card.
        folder: folder with ``model.json`` and ``weights.safetensors``.
    """

    card: ModelCard
    folder: Path

    @property
    def weights_path(self) -> Path:
        """The file with the weights."""
        return self.folder / WEIGHTS_FILE

    def network(self) -> nn.Module:
        """Return a new network with the bundle's weights: float32, on the CPU, in evaluation mode.

        Raises:
            ModelError: the network is unknown, its settings or weights do not match the bundle, or the weights have
                changed since they were checked.
        """
        from ..networks.tensors import check_tensors

        tensors = _read_weights(self.weights_path, expected_sha256=self.card.sha256)
        network = _build(self.card, self.folder / CARD_FILE)
        check_tensors(network.state_dict(), tensors, self.weights_path)
        network.load_state_dict(tensors)
        return network.eval().requires_grad_(False)


def load_model(name_or_folder: str | os.PathLike[str]) -> ModelBundle:
    """Open a bundle by name or folder and check its card and the checksum of the weights.

    Raises:
        ModelError: the bundle is unknown, incomplete or of another schema version, or its weights have changed.
    """
    folder = find_bundle(name_or_folder)
    card = ModelCard.read(folder / CARD_FILE)
    _read_checked(folder / WEIGHTS_FILE, card.sha256)
    return ModelBundle(card, folder)


def save_model(
    folder: str | os.PathLike[str], card: ModelCard, network: nn.Module, *, dtype: torch.dtype | None = None
) -> ModelBundle:
    """Write a bundle: the weights, then the card with their checksum.

    Args:
        folder: created if missing; its ``model.json`` and ``weights.safetensors`` are replaced.
        card: the model card; ``sha256`` is filled in.
        network: the trained network, built from ``card.network`` and ``card.network_settings``.
        dtype: dtype of floating-point weights on disk; defaults to half precision.

    Returns:
        The bundle as written.

    Raises:
        ModelError: the network does not match the card, or a weight exceeds the range of ``dtype``.
    """
    import torch
    from safetensors.torch import save

    from ..networks.tensors import check_tensors

    path = Path(folder)
    tensors = {name: _narrow(name, tensor, dtype or torch.float16) for name, tensor in network.state_dict().items()}
    check_tensors(_build(card, path / CARD_FILE).state_dict(), tensors, path / WEIGHTS_FILE)
    content = save(tensors)
    saved = replace(card, sha256=hashlib.sha256(content).hexdigest())
    text = saved.to_json()
    path.mkdir(parents=True, exist_ok=True)
    (path / WEIGHTS_FILE).write_bytes(content)
    (path / CARD_FILE).write_text(text, encoding="utf-8", newline="\n")
    return ModelBundle(saved, path)


def _narrow(name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.detach().cpu().contiguous()
    narrow = tensor.detach().to("cpu", dtype).contiguous()
    if not bool(narrow.isfinite().all()):
        raise ModelError(f"weight {name} is not finite as {dtype}; save with dtype=torch.float32 or train again")
    return narrow


def _read_checked(path: Path, expected_sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); get the bundle again") from error
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected_sha256:
        expected = f"{expected_sha256[:12]}..." if expected_sha256 else "none"
        raise ModelError(
            f"{path} has SHA-256 {actual[:12]}..., {CARD_FILE} expects {expected}: "
            "the weights were changed or damaged; get the bundle again"
        )
    return content


def _read_weights(path: Path, *, expected_sha256: str) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(_read_checked(path, expected_sha256))
    except SafetensorError as error:
        raise ModelError(f"{path} is not a safetensors file ({error}); get the bundle again") from error
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def _build(card: ModelCard, path: Path) -> nn.Module:
    from ..networks import build_network

    settings: dict[str, Any] = {"classes": len(card.classes)} | dict(card.network_settings)
    settings.pop("pretrained", None)  # the bundle has the weights, so nothing is downloaded
    if settings["classes"] != len(card.classes):
        raise ModelError(f"{path} has {len(card.classes)} class names for a network of {settings['classes']} classes")
    try:
        return build_network(card.network, **settings)
    except (ModelError, RuntimeError) as error:
        raise ModelError(f"{path}: {error}") from error
