"""Process that queries torch for devices: python -m CAMLocalizerLib.jobs.probe FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from .folder import JobFolder
from .memory import MB
from .service import serve


def find_devices(_folder: JobFolder, _request: dict[str, Any]) -> dict[str, Any]:
    """Return the version of torch and the devices other than the CPU; a GPU that fails has no memory figures."""
    import torch

    found = [_cuda_device(index) for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append({"name": "mps", "kind": "mps", "label": "Apple GPU", "total_mb": None, "free_mb": None})
    return {"torch": str(torch.__version__), "devices": found}


def _cuda_device(index: int) -> dict[str, Any]:
    import torch

    known = {"name": f"cuda:{index}", "kind": "cuda", "label": "CUDA GPU", "total_mb": None, "free_mb": None}
    try:
        free, total = torch.cuda.mem_get_info(index)
        return {**known, "label": torch.cuda.get_device_name(index), "total_mb": total // MB, "free_mb": free // MB}
    except RuntimeError as error:
        return {**known, "label": f"CUDA GPU that does not answer ({str(error).splitlines()[0]})"}


if __name__ == "__main__":
    serve(Path(sys.argv[1]), find_devices)
