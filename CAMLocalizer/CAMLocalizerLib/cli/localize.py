"""The command ``localize``: case by case, each whole or not at all."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .case_arguments import add_case_arguments
from .loading import loading
from .progress_bar import progress_bar

if TYPE_CHECKING:
    from ..cases.loop import CaseOutcome


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "localize",
        help="make a tumour label map of each volume",
        description="For each INPUT write a folder DIR/<case>/ with labelmap.nii.gz, activation.nii.gz, "
        "segmentation.seg.nrrd, overview.png, components.csv and report.json.",
    )
    add = parser.add_argument
    add("inputs", nargs="+", type=Path, metavar="INPUT", help="NRRD, NIfTI, MetaImage, DICOM folder or 2D image")
    add("--output", required=True, type=Path, metavar="DIR", help="where the case folders are written")
    add("--overwrite", action="store_true", help="replace case folders that exist")
    add("--series", metavar="UID", help="DICOM series, where a folder has several; UID#2 is its stack 2")
    add("--dicom-reference", type=Path, metavar="DIR", help="DICOM series that the input was made from")
    add_case_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Localise in every input and say how each went.

    Args:
        options: parsed arguments of ``localize``.

    Returns:
        0 when every input has its folder, 1 when one failed.

    Raises:
        CAMLocalizerError: what is wrong for every input alike: settings, model, device, equal case names.
    """
    with loading(options):
        from ..cases.loop import CaseInput, in_this_process, localize_cases, name_cases, open_localizer
        from ..core import SettingsError
        from ..io import case_name
        from .case_options import label_settings, run_options

    names = name_cases(options.inputs)
    if options.dicom_reference is not None and len(names) > 1:
        raise SettingsError(f"--dicom-reference is one series, got {len(names)} inputs; run them one by one")
    asked, settings = run_options(options), label_settings(options)
    infer = in_this_process(
        open_localizer(asked, settings), asked, settings, lambda case: progress_bar(case_name(case.path), "image")
    )
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
    from ..cases import describe_result
    from ..core import CAMLocalizerError
    from .case_options import in_words

    if outcome.result is not None:
        print(describe_result(outcome.result, outcome.files), flush=True)
        return ""
    error = outcome.error
    sentence = in_words(error) if isinstance(error, CAMLocalizerError) else outcome.sentence
    if isinstance(error, CAMLocalizerError | MemoryError):  # any other error was logged with its traceback
        print(f"camlocalizer: {sentence}", file=sys.stderr)
    return sentence


def _summarise(outcomes: dict[str, str]) -> None:
    failed = sum(map(bool, outcomes.values()))
    print(f"\n{len(outcomes) - failed} of {len(outcomes)} inputs done" + (f", {failed} failed" if failed else ""))
    width = max(map(len, outcomes))
    for name, outcome in outcomes.items():
        print(f"  {name:<{width}}  {'FAILED: ' + outcome if outcome else 'done'}")
