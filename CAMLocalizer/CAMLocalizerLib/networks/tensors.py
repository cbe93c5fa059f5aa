"""Tensors by name, from safetensors files, and whether they are those of a network."""

from __future__ import annotations

import os
from collections.abc import Mapping

from torch import Tensor

from ..core import ModelError


def read_tensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read a safetensors file; nothing in it is ever run.

    Raises:
        ModelError: the file is missing or is not a safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{os.fspath(path)} cannot be read as a safetensors file: {error}") from error


def require_fitting(expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor], source: object) -> None:
    """Check names and shapes.

    Args:
        expected: tensors of the network.
        tensors: those to be put in their place.
        source: where these come from, for the sentence.

    Raises:
        ModelError: a name that only one of them has, or another shape.
    """
    if foreign := sorted(set(tensors) - set(expected)):
        raise ModelError(f"{source} has tensors that the network lacks, such as {foreign[0]}: it is of another network")
    if missing := sorted(set(expected) - set(tensors)):
        raise ModelError(f"{source} lacks tensors of the network, such as {missing[0]}: it is of another network")
    for name, tensor in expected.items():
        if tensor.shape != tensors[name].shape:
            got, wanted = tuple(tensors[name].shape), tuple(tensor.shape)
            raise ModelError(
                f"{source}: {name} has shape {got}, the network expects {wanted}: it is of another network"
            )
