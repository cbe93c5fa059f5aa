"""The command ``localize``: case by case, each whole or not at all."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .archive_arguments import add_archive_arguments, archive_or_path, check_no_archive_options
from .archived_studies import archived_studies
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
    add(
        "inputs",
        nargs="+",
        type=archive_or_path,
        metavar="INPUT",
        help="NRRD, NIfTI, MetaImage, DICOM folder or 2D image, or a study of a DICOMweb archive as "
        "dicomweb+https://HOST/PATH/studies/UID, with /series/UID behind it for one of its series",
    )
    add("--output", required=True, type=Path, metavar="DIR", help="where the case folders are written")
    add("--overwrite", action="store_true", help="replace case folders that exist")
    add("--series", metavar="UID", help="DICOM series, where a folder has several; UID#2 is its stack 2")
    add("--dicom-reference", type=Path, metavar="DIR", help="DICOM series that the input was made from")
    add_archive_arguments(parser, search=False)
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

    paths = [entry for entry in options.inputs if isinstance(entry, Path)]
    addresses = [entry for entry in options.inputs if not isinstance(entry, Path)]
    if not addresses:
        check_no_archive_options(options)
    names = name_cases(paths)
    if options.dicom_reference is not None and (addresses or len(names) > 1):
        raise SettingsError("--dicom-reference is for one input that is not DICOM; run the inputs one by one")
    asked, settings = run_options(options), label_settings(options)
    studies = archived_studies(addresses, options)
    localizer = open_localizer(asked, settings)
    progress = lambda case: progress_bar(case_name(case.path), "image")  # noqa: E731
    infer = in_this_process(localizer, asked, settings, progress)
    cases = [
        CaseInput(path, options.output / name, options.series, options.dicom_reference)
        for path, name in zip(paths, names, strict=True)
    ]
    outcomes = {}
    for outcome in localize_cases(cases, infer, asked, settings, overwrite=options.overwrite):
        outcomes[outcome.case.folder.name] = _shown(outcome)
    for folder, run in studies:
        outcomes[folder.name] = _shown(run(localizer, asked, settings, progress))
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
    if outcome.error is None:
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
