"""Process that runs inference on a volume: python -m CAMLocalizerLib.jobs.worker FOLDER."""

from __future__ import annotations

import logging
import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .folder import JobFolder
from .progress import INFERENCE, LIBRARIES, MODEL, TRANSFER, ProgressWriter
from .service import serve

if TYPE_CHECKING:
    from ..core import Volume
    from ..localizer import RunOptions

HANDOVER_POLL_S = 0.01


def localize(folder: JobFolder, values: dict[str, Any]) -> dict[str, Any]:
    """Run inference on the volume in a job's folder and save the findings there.

    Args:
        folder: folder that contains the volume or will receive it.
        values: ``request`` and ``volume``, the volume's grid, unit and name.

    Returns:
        An empty answer.

    Raises:
        CAMLocalizerError: errors of `Localizer` and its ``run``.
    """
    progress = ProgressWriter(folder.progress)
    progress.stage(LIBRARIES)
    import torch

    from ..localizer import Localizer, RunOptions, save_findings

    request = RunOptions.from_json(values["request"])
    _begin_log(torch.__version__, request)
    progress.stage(MODEL)
    localizer = Localizer.of(request)
    volume = _receive(folder, values["volume"])
    progress.stage(INFERENCE, "projections" if localizer.model.card.projections else "slices")
    found = localizer.run(volume, view=request.view, progress=progress.report)
    progress.stage(TRANSFER)
    partial = folder.result.with_suffix(".partial")
    save_findings(found, partial)
    partial.replace(folder.result)
    return {}


def _receive(folder: JobFolder, values: dict[str, Any]) -> Volume:
    """Wait for the voxels; the sender reports errors."""
    import numpy as np

    from ..core import Grid, Volume

    while not folder.volume.exists():
        time.sleep(HANDOVER_POLL_S)
    array = np.load(folder.volume, allow_pickle=False)
    grid = Grid(values["size"], values["spacing_mm"], values["origin_mm"], np.array(values["direction"]))
    return Volume(array, grid, name=values["name"], unit=values["unit"], inverted=values["inverted"])


def _begin_log(torch_version: str, request: RunOptions) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("CAMLocalizerLib").info(
        "Python %s, PyTorch %s, %s; model %s, device %s, view %s, precision %s, batch size %d",
        platform.python_version(),
        torch_version,
        platform.platform(),
        Path(request.model).name,
        request.device,
        request.view,
        request.precision,
        request.batch_size,
    )


if __name__ == "__main__":
    serve(Path(sys.argv[1]), localize)
