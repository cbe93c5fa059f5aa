"""Read tensors from safetensors files, and check that they match a network."""

from __future__ import annotations

import os
from collections.abc import Mapping

from torch import Tensor

from ..core import ModelError


def read_tensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read a safetensors file, without running code from it.

    Raises:
        ModelError: the file is missing or is not a safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{os.fspath(path)} cannot be read as a safetensors file: {error}") from error


def check_tensors(expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor], source: object) -> None:
    """Check that tensors have the names and shapes of a network.

    Args:
        expected: tensors of the network.
        tensors: tensors to load.
        source: source of the tensors, for error messages.

    Raises:
        ModelError: a missing or additional name, or another shape.
    """
    if unknown := sorted(set(tensors) - set(expected)):
        raise ModelError(f"{source} has unknown tensors, such as {unknown[0]}: it belongs to another network")
    if missing := sorted(set(expected) - set(tensors)):
        raise ModelError(f"{source} lacks tensors of the network, such as {missing[0]}: it belongs to another network")
    for name, tensor in expected.items():
        if tensor.shape != tensors[name].shape:
            got, wanted = tuple(tensors[name].shape), tuple(tensor.shape)
            raise ModelError(
                f"{source}: {name} has shape {got}, the network expects {wanted}: it belongs to another network"
            )
