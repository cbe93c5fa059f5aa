"""WorkerPlan: the workers of this machine, one per GPU or as many as cores and memory allow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from ..core import OptionError

WORKER_BYTES = 4 << 30
VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class WorkerPlan:
    """Workers of one machine.

    Args:
        environments: variables that each worker has besides those of its parent.
        threads: threads of each for computing.
    """

    environments: tuple[Mapping[str, str], ...]
    threads: int


def plan_workers(
    device: str, workers: int | None, *, cores: int, memory_bytes: int, gpus: int, environ: Mapping[str, str]
) -> WorkerPlan:
    """Share a machine among workers.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        workers: number wanted; None for one per GPU, or as many as cores and memory allow.
        cores: that may be used.
        memory_bytes: that may be used.
        gpus: CUDA GPUs that are visible.
        environ: variables of this process.

    Raises:
        SettingsError: fewer than one worker.
    """
    if workers is not None and workers < 1:
        raise OptionError("workers", f"must be at least 1, got {workers}")
    environments: list[dict[str, str]]
    if device in ("auto", "cuda") and gpus:
        names = _gpu_names(gpus, environ)
        environments = [{VISIBLE_GPUS: names[index % gpus]} for index in range(workers or gpus)]
    elif device.startswith("cuda") or device == "mps":
        environments = [{}] * (workers or 1)
    else:
        environments = [{}] * (workers or max(1, min(cores, memory_bytes // WORKER_BYTES)))
    return WorkerPlan(tuple(environments), threads=max(1, cores // len(environments)))


def plan_local_workers(device: str, workers: int | None) -> WorkerPlan:
    """Share this machine among workers; arguments as for :func:`plan_workers`."""
    import torch
    from distributed.system import MEMORY_LIMIT

    gpus = torch.cuda.device_count()
    mps = device == "auto" and not gpus and torch.backends.mps.is_available()
    return plan_workers(
        "mps" if mps else device,
        workers,
        cores=_cores(),
        memory_bytes=MEMORY_LIMIT,
        gpus=gpus,
        environ=os.environ,
    )


def _cores() -> int:
    from dask.system import CPU_COUNT

    return CPU_COUNT


def _gpu_names(count: int, environ: Mapping[str, str]) -> list[str]:
    listed = [name.strip() for name in environ.get(VISIBLE_GPUS, "").split(",") if name.strip()]
    return listed[:count] if len(listed) >= count else [str(index) for index in range(count)]
