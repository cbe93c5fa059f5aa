"""The command ``localize``: case by case, each whole or not at all."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from ..cases import describe_result
from ..cases.loop import CaseInput, CaseOutcome, in_this_process, localize_cases, name_cases, open_localizer
from ..core import CAMLocalizerError, SettingsError
from ..io import case_name
from .choices import in_words, label_settings, run_options


def run(options: argparse.Namespace) -> int:
    """Localise in every input and say how each went.

    Args:
        options: parsed arguments of ``localize``.

    Returns:
        0 when every input has its folder, 1 when one failed.

    Raises:
        CAMLocalizerError: what is wrong for every input alike: settings, model, device, equal case names.
    """
    names = name_cases(options.inputs)
    if options.dicom_reference is not None and len(names) > 1:
        raise SettingsError(f"--dicom-reference is one series, got {len(names)} inputs; run them one by one")
    asked, settings = run_options(options), label_settings(options)
    infer = in_this_process(open_localizer(asked, settings), asked, settings, _progress)
    cases = [
        CaseInput(path, options.output / name, options.series, options.dicom_reference)
        for path, name in zip(options.inputs, names, strict=True)
    ]
    outcomes = {}
    for outcome in localize_cases(cases, infer, asked, settings, overwrite=options.overwrite):
        outcomes[outcome.case.folder.name] = _shown(outcome)
    if len(outcomes) > 1:
        _summarise(outcomes)
    return int(any(outcomes.values()))


def _shown(outcome: CaseOutcome) -> str:
    """Say how a case went; return what went wrong, empty if nothing did."""
    if outcome.result is not None:
        print(describe_result(outcome.result, outcome.files), flush=True)
        return ""
    foreseen = isinstance(outcome.error, CAMLocalizerError)
    sentence = in_words(outcome.error) if isinstance(outcome.error, CAMLocalizerError) else outcome.sentence
    if foreseen or isinstance(outcome.error, MemoryError):  # the traceback of any other error was logged
        print(f"camlocalizer: {sentence}", file=sys.stderr)
    return sentence


@contextmanager
def _progress(case: CaseInput) -> Iterator[Any]:
    """Show a progress bar of images on a terminal, and nothing elsewhere."""
    with tqdm(desc=case_name(case.path), unit="image", leave=False, disable=not sys.stderr.isatty()) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def _summarise(outcomes: dict[str, str]) -> None:
    failed = sum(map(bool, outcomes.values()))
    print(f"\n{len(outcomes) - failed} of {len(outcomes)} inputs done" + (f", {failed} failed" if failed else ""))
    width = max(map(len, outcomes))
    for name, outcome in outcomes.items():
        print(f"  {name:<{width}}  {'FAILED: ' + outcome if outcome else 'done'}")
