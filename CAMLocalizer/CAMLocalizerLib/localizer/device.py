"""Where the network runs, and with how many bits."""

from __future__ import annotations

import torch

from ..core import SettingsError, check_choice
from .run_options import check_device_name

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def choose_device(name: str = "auto") -> torch.device:
    """Turn a device's name into a device that is there.

    Args:
        name: ``auto`` (a CUDA GPU if there is one, then Apple's, then the CPU), ``cpu``, ``cuda``, ``cuda:N``, ``mps``.

    Raises:
        SettingsError: another name, or a device that this machine lacks.
    """
    check_device_name(name)
    gpus, mps = torch.cuda.device_count(), torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if gpus else "mps" if mps else "cpu")
    if name == "mps" and not mps:
        raise SettingsError("device mps is not available on this machine; use auto or cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= gpus:
        raise SettingsError(f"device {name} is not available, PyTorch sees {gpus} CUDA GPUs; use auto or cpu")
    return device


def choose_precision(name: str = "float32") -> torch.dtype:
    """Turn ``float32`` or ``bfloat16`` into a type.

    Raises:
        SettingsError: another name.
    """
    check_choice("precision", name, DTYPES)
    return DTYPES[name]


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether a device or the machine ran out of memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
