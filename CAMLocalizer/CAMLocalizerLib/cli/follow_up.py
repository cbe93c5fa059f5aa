"""The command ``follow-up``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..option_names import DEFAULT_MODEL, VIEWS
from .loading import loading

MIN_VOLUME_ML = 0.5
EXAMPLE = """example:
  camlocalizer follow-up exams.csv --output follow-up
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "follow-up",
        help="follow the tumours of a patient through several exams",
        description="Localise in every exam of one patient by the same rule, register the exams, tell which tumour is "
        "which, and write volumes over time, growth and doubling times (follow-up.csv, follow-up.json, "
        "follow-up.png and a folder per exam).",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    put = parser.add_argument
    put(
        "exams",
        type=Path,
        metavar="FOLDER|TABLE.csv",
        help="DICOM series of one patient, or a table: file, date (2024-05-31), perhaps patient, series, label_map",
    )
    put("--output", required=True, type=Path, metavar="DIR", help="where the results are written")
    put("--model", default=DEFAULT_MODEL, metavar="NAME|FOLDER", help="model bundle (default: %(default)s)")
    put("--view", default="auto", choices=VIEWS, help="plane of the slices")
    put("--threshold", metavar="T", help="of the fused map, for all exams: 0.4, 200/255, q95 or otsu")
    put("--min-volume-ml", type=float, metavar="X", help="leave out smaller ones (default: 0.5; label maps: 0)")
    put("--keep-largest", type=int, metavar="N", help="number of components to keep in each exam")
    put("--resample", action="store_true", help="bring label maps of other grids onto those of their images")
    put("--device", default="auto", metavar="auto|cpu|cuda|cuda:N|mps", help="where to compute (default: %(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Follow the tumours of a patient and write what came of it.

    Returns:
        0.

    Raises:
        CAMLocalizerError: exams that cannot be used, settings out of range, or a folder that cannot be written.
    """
    with loading(options):
        from ..core import SettingsError
        from ..followup.exams import read_exams
        from ..followup.files import FILES, doubling_sentence, tumour_name, volumes_sentence, write_follow_up
        from ..followup.tracking import follow_up
        from ..io import staged_folder
        from ..localizer import LabelSettings, Localizer

    settings = LabelSettings(
        threshold=options.threshold, min_volume_ml=options.min_volume_ml, keep_largest=options.keep_largest
    )
    exams = read_exams(options.exams)
    needed = any(exam.label_map is None for exam in exams)
    if not needed and options.threshold is not None:
        raise SettingsError(f"{options.exams}: brings label maps, which --threshold does not change; leave it out")
    if needed and settings.min_volume_ml is None:
        settings = settings.changed(min_volume_ml=MIN_VOLUME_ML)
    with staged_folder(options.output) as staging:
        localizer = Localizer(options.model, device=options.device) if needed else None
        found = follow_up(
            exams, localizer, view=options.view, settings=settings, resample=options.resample, report=_say
        )
        write_follow_up(found, staging)
    for tumour in (*found.tumours, found.total):
        _say(f"{tumour_name(tumour)}: {volumes_sentence(tumour)}; {doubling_sentence(tumour)}")
    for name in FILES:
        _say(f"  {options.output / name}")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)
