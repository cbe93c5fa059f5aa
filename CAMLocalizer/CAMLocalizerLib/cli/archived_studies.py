"""Studies of archives as inputs of ``localize``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .archive_arguments import study_options

if TYPE_CHECKING:
    from ..archive.address import ArchiveAddress
    from ..cases.loop import CaseOutcome
    from ..localizer import LabelSettings, Localizer, RunOptions

Run = Callable[["Localizer", "RunOptions", "LabelSettings", Callable], "CaseOutcome"]


def archived_studies(texts: Sequence[str], options: argparse.Namespace) -> list[tuple[Path, Run]]:
    """Prepare studies.

    Args:
        texts: their addresses.
        options: parsed arguments of ``localize``.

    Returns:
        For each its case folder, and what localises in it.

    Raises:
        SettingsError: an address that is none, of a whole archive, or given twice.
    """
    if not texts:
        return []
    from ..archive.address import ArchiveAddress
    from ..archive.request import study_case_name
    from ..core import SettingsError

    prepared: dict[Path, Run] = {}
    for text in texts:
        address = ArchiveAddress.parse(text, allow_http=options.allow_http)
        if not address.study:
            raise SettingsError(
                f"{address.host}: is a whole archive; add /studies/UID to the address, or use camlocalizer batch"
            )
        folder = options.output / study_case_name(address.study, address.series)
        if folder in prepared:
            raise SettingsError(f"{address.host}: study {address.study} is given twice; give it once")
        prepared[folder] = partial(_localized, address, folder, options)
    return list(prepared.items())


def _localized(
    address: ArchiveAddress,
    folder: Path,
    options: argparse.Namespace,
    localizer: Localizer,
    run: RunOptions,
    settings: LabelSettings,
    progress: Callable,
) -> CaseOutcome:
    """Localise in a study; results of an earlier run that were not sent are sent."""
    from ..archive.client import Archive
    from ..archive.errors import AlreadyAnsweredError
    from ..archive.sending import send_case, was_sent
    from ..archive.study import StudyRunner
    from ..cases.loop import CaseInput, CaseOutcome
    from ..core import CAMLocalizerError

    case = CaseInput(Path(folder.name), folder)
    try:
        with Archive(address) as archive:
            runner = StudyRunner(archive, localizer, run, settings, study_options(options), progress)
            if options.store and folder.is_dir() and not options.overwrite and not was_sent(archive, folder):
                send_case(archive, folder, whole=options.series is None)
                print(f"{folder.name}: the results of an earlier run were sent")
                return CaseOutcome(case)
            return runner.run(
                address.study, folder, series=address.series, stack=options.series, overwrite=options.overwrite
            )
    except AlreadyAnsweredError as skipped:
        print(f"{folder.name}: skipped, {skipped}; --again does it anyway")
        return CaseOutcome(case)
    except CAMLocalizerError as error:
        return CaseOutcome(case, error=type(error)(f"{folder.name}: {error}"))
