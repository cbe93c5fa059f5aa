"""The command ``batch``."""

from __future__ import annotations

import argparse
import sys
import time

from tqdm import tqdm

from ..batch.run import Step, run_batch
from ..batch.tables import CASES_FILE, FAILURES_FILE, SUMMARY_FILE
from ..core import SettingsError
from .choices import label_settings, run_options

LINE_EVERY_S = 10.0


def run(options: argparse.Namespace) -> int:
    """Localise in a whole archive.

    Returns:
        0 when every case has its folder, 1 when one failed.

    Raises:
        CAMLocalizerError: what is wrong for every case alike: archive, settings, model, output, scheduler.
    """
    if options.scheduler is not None and options.workers is not None:
        raise SettingsError("--workers is for this machine; the scheduler has workers of its own, leave it out")
    options.after_interruption = "nothing half-written is left; the same command again goes on"
    with _Bar() if sys.stderr.isatty() else _Lines() as shown:
        step = run_batch(
            options.archive,
            options.output,
            run_options(options),
            label_settings(options),
            pattern=options.pattern,
            workers=options.workers,
            scheduler=options.scheduler,
            report=shown.show,
        )
    earlier = f" ({step.earlier} of them earlier)" if step.earlier else ""
    print(f"{step.done} of {step.total} cases done{earlier}, {step.failed} failed")
    for name in (SUMMARY_FILE, CASES_FILE, *([FAILURES_FILE] if step.failed else [])):
        print(f"  {options.output / name}")
    return int(step.failed > 0)


class _Bar:
    """A line at the bottom of a terminal."""

    def __enter__(self) -> _Bar:
        form = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}"
        self._bar = tqdm(desc="cases", unit="case", leave=False, bar_format=form)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, step: Step) -> None:
        """Draw the line anew, sentences above it."""
        if step.sentence:
            tqdm.write(f"camlocalizer: {step.sentence}", file=sys.stderr)
        self._bar.total = step.total
        self._bar.n = step.done + step.failed
        self._bar.set_postfix_str(_in_words(step))


class _Lines:
    """A line now and then, for files and pipes."""

    def __enter__(self) -> _Lines:
        self._told = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, step: Step) -> None:
        """Write a line if the last one was some time ago, sentences at once."""
        if step.sentence:
            print(f"camlocalizer: {step.sentence}", file=sys.stderr, flush=True)
        if time.monotonic() - self._told > LINE_EVERY_S:
            self._told = time.monotonic()
            print(f"{step.done} of {step.total} cases done, {_in_words(step)}", file=sys.stderr, flush=True)


def _in_words(step: Step) -> str:
    left = "" if step.seconds_left is None else f", about {_duration(step.seconds_left)} left"
    return f"{step.failed} failed{left}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
