"""The command ``batch``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .archive_arguments import add_archive_arguments, archive_or_path, check_no_archive_options, study_options
from .case_arguments import add_case_arguments
from .loading import loading

if TYPE_CHECKING:
    from ..archive.request import ArchiveRequest
    from ..batch.run_batch import Step

EXAMPLE = """examples:
  camlocalizer batch archive --output results
  camlocalizer batch volumes.csv --output results --scheduler tcp://node1:8786
  camlocalizer batch dicomweb+https://pacs.example.org/dicom-web --query Modality=MR \\
      --query StudyDate=20260101-20260131 --output results --store
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
        type=archive_or_path,
        metavar="INPUT",
        help="folder tree of NRRD, NIfTI, MetaImage and DICOM, CSV table with file and perhaps case, series, or "
        "DICOMweb archive as dicomweb+https://HOST/PATH",
    )
    put("--output", required=True, type=Path, metavar="DIR", help="where the case folders and tables are written")
    put("--pattern", default="*", metavar="GLOB", help="names of files to take in a folder tree, such as '*_T1.nii.gz'")
    put("--workers", type=int, metavar="N", help="processes (default: one per GPU, or as cores and memory allow)")
    put(
        "--scheduler",
        metavar="ADDRESS",
        help="of a Dask scheduler to work with instead; its workers see INPUT and DIR under the same paths",
    )
    add_archive_arguments(parser, search=True)
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
        from ..batch.batch_tables import CASES_FILE, FAILURES_FILE, SKIPPED_FILE, SUMMARY_FILE
        from ..batch.run_batch import run_batch
        from ..core import SettingsError
        from .case_options import label_settings, run_options

    if options.scheduler is not None and options.workers is not None:
        raise SettingsError("--workers is for this machine; the scheduler has workers of its own, leave it out")
    archive = _input(options)
    options.after_interruption = "nothing half-written is left; the same command resumes"
    with _Bar() if sys.stderr.isatty() else _Lines() as shown:
        step = run_batch(
            archive,
            options.output,
            run_options(options),
            label_settings(options),
            pattern=options.pattern,
            workers=options.workers,
            scheduler=options.scheduler,
            report=shown.show,
        )
    earlier = f" ({step.earlier} of them earlier)" if step.earlier else ""
    print(f"{step.done} of {step.total} cases done{earlier}, {_left_out(step)}")
    told = [*([SKIPPED_FILE] if step.skipped else []), *([FAILURES_FILE] if step.failed else [])]
    for name in (SUMMARY_FILE, CASES_FILE, *told):
        print(f"  {options.output / name}")
    return int(step.failed > 0)


def _input(options: argparse.Namespace) -> Path | ArchiveRequest:
    """Return the folder or table, or the studies of an archive.

    Raises:
        SettingsError: an address that is none, or options of archives for files, or the other way round.
    """
    if isinstance(options.archive, Path):
        check_no_archive_options(options)
        return options.archive
    from ..archive.address import ArchiveAddress
    from ..archive.request import ArchiveRequest
    from ..core import SettingsError

    if options.pattern != "*":
        raise SettingsError("--pattern is for names of files; choose series of an archive with --series-description")
    address = ArchiveAddress.parse(options.archive, allow_http=options.allow_http)
    return ArchiveRequest(address, study_options(options), options.limit)


def _left_out(step: Step) -> str:
    skipped = f"{step.skipped} skipped, " if step.skipped else ""
    return f"{skipped}{step.failed} failed"


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
        self._bar.n = step.done + step.failed + step.skipped
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
    return f"{_left_out(step)}{left}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
