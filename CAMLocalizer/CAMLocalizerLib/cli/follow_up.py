"""The command ``follow-up``."""

from __future__ import annotations

import argparse

from ..core import SettingsError

MIN_VOLUME_ML = 0.5


def run(options: argparse.Namespace) -> int:
    """Follow the tumours of a patient and write what came of it.

    Returns:
        0.

    Raises:
        CAMLocalizerError: exams that cannot be used, settings out of range, or a folder that cannot be written.
    """
    from ..cases.exams import read_exams
    from ..cases.follow_up import follow_up
    from ..cases.follow_up_files import FILES, doubling_sentence, tumour_name, volumes_sentence, write_follow_up
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
