"""JobProgress: how far a job is, told in lines of a file."""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["starting", "running", "done", "failed", "cancelled"]
LIBRARIES, MODEL, LOOKING, HANDING_OVER = "libraries", "model", "looking", "handing over"
MESSAGES = {
    "": "The process is starting",
    LIBRARIES: "PyTorch is being loaded",
    MODEL: "The model is being loaded",
    LOOKING: "The first {images} are being looked at",
    HANDING_OVER: "The maps are being handed over",
}
REPORTS_FOR_RATE = 16


@dataclass(frozen=True)
class JobProgress:
    """How far a job is.

    Args:
        state: ``starting`` until the model looks, then ``running``, at last ``done``, ``failed`` or ``cancelled``.
        done: images looked at.
        total: images to look at; 0 before it is known.
        seconds_left: estimated from the images of late; None before two batches are done.
        message: a sentence for the user.
        log: the file that is kept of a failure that the sentence does not explain.
    """

    state: State
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    message: str = ""
    log: Path | None = None


class ProgressWriter:
    """Appends a line per step, in the process that works.

    Args:
        path: the file; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def stage(self, name: str, images: str = "images") -> None:
        """Say what is done now, and what the images are called."""
        self._append({"stage": name, "images": images})

    def report(self, done: int, total: int) -> None:
        """Say how many of the images were looked at."""
        self._append({"done": done, "total": total, "time": time.time()})

    def _append(self, values: dict[str, object]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")


class ProgressReader:
    """Follows the lines as they come, in the process that waits; reads only what is new.

    Args:
        path: the file; need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._stage, self._images = "", "images"
        self._done, self._total = 0, 0
        self._reports: deque[tuple[float, int]] = deque(maxlen=REPORTS_FOR_RATE)

    def update(self) -> None:
        """Read the lines that were completed since the last time."""
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
        """Return how far the work is."""
        state: State = "running" if self._stage in (LOOKING, HANDING_OVER) else "starting"
        return JobProgress(state, self._done, self._total, self._seconds_left(), self._message())

    def _message(self) -> str:
        if self._stage == LOOKING and self._total:
            return f"{self._done} of {self._total} {self._images}"
        return MESSAGES[self._stage].format(images=self._images)

    def _seconds_left(self) -> float | None:
        """Estimate by the rate of the last reports; the first only starts the clock, for it includes warming up."""
        if len(self._reports) < 2:
            return None
        (begin, first), (last, done) = self._reports[0], self._reports[-1]
        if done == first:
            return None
        expected = (self._total - done) * (last - begin) / (done - first)
        return max(0.0, expected - max(0.0, time.time() - last))
