"""Networks by name, as model bundles call them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from torch import nn

from ..core import ModelError
from .dcfpn import DCFPN

NETWORKS: Mapping[str, Callable[..., nn.Module]] = MappingProxyType({"dcfpn": DCFPN})


def build_network(name: str, **settings: Any) -> nn.Module:
    """Build a network with fresh weights.

    Args:
        name: a key of `NETWORKS`.
        **settings: what the network's constructor takes, such as ``classes=4``.

    Returns:
        The network in training mode, float32, on the CPU.

    Raises:
        ModelError: a name that no network has, or settings that this network does not take.
    """
    if name not in NETWORKS:
        raise ModelError(f"no network is called {name!r}, expected one of {sorted(NETWORKS)}")
    try:
        return NETWORKS[name](**settings)
    except (TypeError, ValueError) as error:
        raise ModelError(f"network {name!r} cannot be built with the settings {settings}: {error}") from error
