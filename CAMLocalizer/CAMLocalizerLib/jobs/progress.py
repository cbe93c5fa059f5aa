"""JobProgress: progress of a job, transmitted as lines of a file."""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["starting", "running", "done", "failed", "cancelled"]
LIBRARIES, MODEL, INFERENCE, TRANSFER = "libraries", "model", "inference", "transfer"
MESSAGES = {
    "": "The process is starting",
    LIBRARIES: "PyTorch is being loaded",
    MODEL: "The model is being loaded",
    INFERENCE: "Inference on the first {images} is running",
    TRANSFER: "The maps are being transferred",
}
REPORTS_FOR_RATE = 16


@dataclass(frozen=True)
class JobProgress:
    """Progress of a job.

    Args:
        state: ``starting`` until inference starts, then ``running``, finally ``done``, ``failed`` or ``cancelled``.
        done: number of processed images.
        total: number of images to process; 0 while unknown.
        seconds_left: estimate from the latest images; None before two batches are done.
        message: one sentence for the user.
        log: log file of a failure that the message cannot explain.
    """

    state: State
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    message: str = ""
    log: Path | None = None


class ProgressWriter:
    """Appends one line per step, in the worker process.

    Args:
        path: the file; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def stage(self, name: str, images: str = "images") -> None:
        """Write the current stage and the name of the images."""
        self._append({"stage": name, "images": images})

    def report(self, done: int, total: int) -> None:
        """Write the number of processed images."""
        self._append({"done": done, "total": total, "time": time.time()})

    def _append(self, values: dict[str, object]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")


class ProgressReader:
    """Reads new lines in the parent process.

    Args:
        path: the file; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._stage, self._images = "", "images"
        self._done, self._total = 0, 0
        self._reports: deque[tuple[float, int]] = deque(maxlen=REPORTS_FOR_RATE)

    def update(self) -> None:
        """Read the lines that were completed since the last call."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                new = file.read()
        except OSError:
            return
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            self._take(json.loads(line))

    def _take(self, values: dict[str, object]) -> None:
        if "stage" in values:
            self._stage, self._images = str(values["stage"]), str(values["images"])
            return
        self._done, self._total = int(str(values["done"])), int(str(values["total"]))
        self._reports.append((float(str(values["time"])), self._done))

    def progress(self) -> JobProgress:
        """Return the current progress."""
        state: State = "running" if self._stage in (INFERENCE, TRANSFER) else "starting"
        return JobProgress(state, self._done, self._total, self._seconds_left(), self._message())

    def _message(self) -> str:
        if self._stage == INFERENCE and self._total:
            return f"{self._done} of {self._total} {self._images}"
        return MESSAGES[self._stage].format(images=self._images)

    def _seconds_left(self) -> float | None:
        """Estimate from the rate of the latest reports; the first one includes warming up and only starts the clock."""
        if len(self._reports) < 2:
            return None
        (begin, first), (last, done) = self._reports[0], self._reports[-1]
        if done == first:
            return None
        expected = (self._total - done) * (last - begin) / (done - first)
        return max(0.0, expected - max(0.0, time.time() - last))
