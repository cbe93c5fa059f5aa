"""The command ``batch``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .case_arguments import add_case_arguments
from .loading import loading

if TYPE_CHECKING:
    from ..batch.run_batch import Step

EXAMPLE = """examples:
  camlocalizer batch archive --output results
  camlocalizer batch volumes.csv --output results --scheduler tcp://node1:8786
"""

LINE_EVERY_S = 10.0


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "batch",
        help="localise in a whole archive, with all cores, GPUs or a cluster",
        description="For each volume of INPUT write a folder DIR/<case>/ as localize does, and beside them cases.csv, "
        "summary.csv and failures.csv. The same command resumes an interrupted batch.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    put = parser.add_argument
    put(
        "archive",
        type=Path,
        metavar="INPUT",
        help="folder tree of NRRD, NIfTI, MetaImage and DICOM, or CSV table with file and perhaps case, series",
    )
    put("--output", required=True, type=Path, metavar="DIR", help="where the case folders and tables are written")
    put("--pattern", default="*", metavar="GLOB", help="names of files to take in a folder tree, such as '*_T1.nii.gz'")
    put("--workers", type=int, metavar="N", help="processes (default: one per GPU, or as cores and memory allow)")
    put(
        "--scheduler",
        metavar="ADDRESS",
        help="of a Dask scheduler to work with instead; its workers see INPUT and DIR under the same paths",
    )
    add_case_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Localise in a whole archive.

    Returns:
        0 when every case has its folder, 1 when one failed.

    Raises:
        CAMLocalizerError: what is wrong for every case alike: archive, settings, model, output, scheduler.
    """
    with loading(options):
        from ..batch.batch_tables import CASES_FILE, FAILURES_FILE, SUMMARY_FILE
        from ..batch.run_batch import run_batch
        from ..core import SettingsError
        from .case_options import label_settings, run_options

    if options.scheduler is not None and options.workers is not None:
        raise SettingsError("--workers is for this machine; the scheduler has workers of its own, leave it out")
    options.after_interruption = "nothing half-written is left; the same command resumes"
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
        from tqdm import tqdm

        form = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}"
        self._bar = tqdm(desc="cases", unit="case", leave=False, bar_format=form)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, step: Step) -> None:
        """Draw the line anew, sentences above it."""
        if step.sentence:
            self._bar.write(f"camlocalizer: {step.sentence}", file=sys.stderr)
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
