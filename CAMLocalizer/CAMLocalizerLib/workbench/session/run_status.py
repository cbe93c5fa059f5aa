"""RunStatus: how far a run is, in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...jobs.durations import in_words

FINISHED = ("idle", "done", "failed", "cancelled")


@dataclass(frozen=True)
class RunStatus:
    """What a progress bar and the line under it show.

    Args:
        state: ``idle``, ``starting``, ``running``, ``done``, ``failed`` or ``cancelled``.
        done: images that are done.
        total: images; 0 while that is not known.
        seconds_left: estimate; None while there is none.
        sentence: for the reviewer.
        log: file that tells more of a failure.
    """

    state: str = "idle"
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    sentence: str = ""
    log: Path | None = None

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self.state not in FINISHED

    @property
    def fraction(self) -> float:
        """Part that is done, 0 to 1."""
        return self.done / self.total if self.total else 0.0


def starting(step: str = "") -> RunStatus:
    """Say that the classifier is being started, and which step that has come to."""
    return RunStatus("starting", sentence=f"Starting the classifier… {step}".strip())


def under_way(done: int, total: int, seconds_left: float | None, message: str) -> RunStatus:
    """Say how far the classifier is and how long the rest takes."""
    known = seconds_left is not None and done < total
    sentence = f"{message}, about {in_words(seconds_left or 0.0)} left" if known else message
    return RunStatus("running", done, total, seconds_left, sentence)


def failed(message: str, log: Path | None = None) -> RunStatus:
    """Say what went wrong and where there is more about it."""
    sentence = message.strip().rstrip(".") + "."
    told = log is None or str(log) in sentence
    return RunStatus("failed", sentence=sentence if told else f"{sentence} The log is {log}", log=log)


def cancelled(sentence: str = "Cancelled") -> RunStatus:
    """Say that the run was ended early."""
    return RunStatus("cancelled", sentence=sentence)


def done(total: int, sentence: str) -> RunStatus:
    """Say what the run found."""
    return RunStatus("done", total, total, 0.0, sentence)
