"""A worklist whose model answers at once, without a network: python3 prepared_worklist.py FOLDER READER"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from prepared_review import findings

from CAMLocalizerLib.core import Volume
from CAMLocalizerLib.jobs import JobProgress
from CAMLocalizerLib.localizer import Localization, RunOptions
from CAMLocalizerLib.review.serve import serve
from CAMLocalizerLib.review.worklist_options import WorklistOptions


class PreparedJob:
    """Knows what a model would find in a volume."""

    def __init__(self, volume: Volume, _options: RunOptions) -> None:
        self._volume = volume

    def start(self) -> None:
        pass

    def poll(self) -> JobProgress:
        return JobProgress("done")

    def cancel(self) -> None:
        pass

    def result(self) -> Localization:
        return seen(self._volume)


def seen(volume: Volume) -> Localization:
    """Two spots, with a probability that the number in the volume's name decides: 5 percent of it."""
    found = findings(volume)
    highest = 0.05 * int("".join(letter for letter in volume.name if letter.isdigit()))
    tumour = found.pyramid.probabilities[:, 1]
    tumour = np.clip(highest * tumour / tumour.max(), 1e-3, 1 - 1e-3)
    probabilities = np.stack([1 - tumour, tumour], axis=1).astype(np.float32)
    return replace(found, pyramid=replace(found.pyramid, probabilities=probabilities))


if __name__ == "__main__":
    options = WorklistOptions(Path(sys.argv[1]), reader=sys.argv[2], browser=False)
    opened = replace(options.open_worklist(), new_job=PreparedJob)
    serve(options, opened, lambda address: print(address, flush=True))
