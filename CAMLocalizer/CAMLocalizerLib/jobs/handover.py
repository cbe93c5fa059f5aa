"""Handover: transfer a volume to another process in the background."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from ..core import OutputError, Volume
from ..io.writing import output_error

VOXELS_PER_BLOCK = 1 << 21


class Handover(threading.Thread):
    """Writes the voxels of a volume to an .npy file that appears when it is complete.

    Args:
        volume: volume, whose voxels are read-only and are not copied as a whole.
        path: the file; its folder exists.
    """

    def __init__(self, volume: Volume, path: Path) -> None:
        super().__init__(name="CAMLocalizer handover", daemon=True)
        self._array, self._path = volume.array_kji, path
        self._stopped = threading.Event()
        self.error: OutputError | None = None

    def run(self) -> None:
        """Write a few planes at a time until all are written or :meth:`stop` is called."""
        try:
            self._write()
        except OSError as error:
            self.error = output_error(self._path, error)

    def _write(self) -> None:
        array, partial = self._array, self._path.with_suffix(".partial")
        planes = max(1, VOXELS_PER_BLOCK * len(array) // array.size)
        header = {"descr": np.dtype(np.float32).str, "fortran_order": False, "shape": array.shape}
        with partial.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for start in range(0, len(array), planes):
                if self._stopped.is_set():
                    return
                file.write(np.ascontiguousarray(array[start : start + planes]).data)
        partial.replace(self._path)

    def stop(self) -> None:
        """Stop writing; the partial file is closed when this returns."""
        self._stopped.set()
        if self.is_alive():
            self.join()
