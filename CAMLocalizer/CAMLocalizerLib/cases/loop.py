"""The loop over cases: each volume is read, localised in and written to a folder of its own, whole or not at all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Never, TypeVar

from ..case_files import CASE_FILES, EXPORT_FILES
from ..core import CAMLocalizerError, SettingsError, Volume, check_scales
from ..io import case_name, read_volume, source_sha256, staged_folder
from ..io.utf8_paths import escape_non_utf8
from ..localizer import Findings, LabelSettings, Localizer, RunOptions
from ..localizer.inference import Progress
from ..localizer.label_settings import ALL_SCALES, check_suits, default_settings
from .case import make_case
from .exports import checked_exports, exports_source, warn_of_other_image
from .identity import answer_identity
from .report import CaseResult
from .results import write_results

logger = logging.getLogger("CAMLocalizerLib")
Step = TypeVar("Step")


@dataclass(frozen=True)
class CaseInput:
    """One volume to be localised in, and where its files go.

    Args:
        path: file, or folder with a DICOM series.
        folder: of the results; made when they are complete.
        series: SeriesInstanceUID, where a folder has several.
        reference: DICOM series that the input was made from.
    """

    path: Path
    folder: Path
    series: str | None = None
    reference: Path | None = None


@dataclass(frozen=True, eq=False)
class CaseOutcome:
    """What became of a case.

    Args:
        case: the input.
        result: the case; None if it failed.
        files: title of each file that was written, to its path.
        error: what went wrong; None if nothing did.
        seconds: that it took.
    """

    case: CaseInput
    result: CaseResult | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    error: Exception | None = None
    seconds: float = 0.0

    @property
    def sentence(self) -> str:
        """What went wrong; empty if nothing did."""
        if self.error is None or isinstance(self.error, CAMLocalizerError):
            return "" if self.error is None else str(self.error)
        if isinstance(self.error, MemoryError):
            return f"{self.case.path}: not enough memory; close other programs or use a smaller volume"
        return f"{type(self.error).__name__}: {self.error}"


Inference = Callable[[CaseInput, Volume], Generator[Step, None, Findings]]


def localize_cases(
    cases: Iterable[CaseInput],
    infer: Inference[Step],
    options: RunOptions,
    settings: LabelSettings,
    *,
    overwrite: bool = False,
) -> Generator[Step | CaseOutcome, None, None]:
    """Localise in one case after the other; one that fails stops no other.

    Args:
        cases: in their order.
        infer: runs the model on a volume, see :func:`in_this_process`; it may yield how far it is.
        options: alike for every case.
        settings: alike for every case.
        overwrite: replace folders of earlier results.

    Yields:
        What ``infer`` yields, and an outcome at the end of each case. Closing the iterator leaves nothing of the case
        that is under way.
    """
    for case in cases:
        yield (yield from _attempt(case, infer, options, settings, overwrite))


def _attempt(
    case: CaseInput, infer: Inference[Step], options: RunOptions, settings: LabelSettings, overwrite: bool
) -> Generator[Step, None, CaseOutcome]:
    begin = time.perf_counter()
    try:
        with staged_folder(case.folder, overwrite) as staging:
            result = yield from _localize(case, infer, options, settings, staging)
            files = _written(staging, case.folder, options)
    except Exception as error:
        if not isinstance(error, CAMLocalizerError | MemoryError):
            logger.exception("%s: an unexpected error", case.folder.name)
        return CaseOutcome(case, error=error, seconds=time.perf_counter() - begin)
    return CaseOutcome(case, result, files, seconds=time.perf_counter() - begin)


def _localize(
    case: CaseInput, infer: Inference[Step], options: RunOptions, settings: LabelSettings, folder: Path
) -> Generator[Step, None, CaseResult]:
    source = exports_source(options.exports, case.path, series=case.series, reference=case.reference)
    begin = time.perf_counter()
    volume = read_volume(case.path, series=case.series, unit=options.unit)
    if source is not None and case.reference is not None:
        warn_of_other_image(volume, case.reference)
    reading = time.perf_counter() - begin
    found = yield from infer(case, volume)
    for note in found.notes:
        logger.debug(note)
    result = make_case(
        found,
        settings,
        escape_non_utf8(case.path.name),
        run={
            "map": options.map or found.card.map,
            "batch_size": options.batch_size,
            "precision": options.precision,
        },
        timings_s={"reading": reading, **found.timings_s},
        source_sha256=source_sha256(case.path, series=case.series),
        asked=options,
    )
    write_results(result, folder, exports=options.exports, source=source)
    return result


def _written(staging: Path, folder: Path, options: RunOptions) -> dict[str, Path]:
    files = CASE_FILES | {name: EXPORT_FILES[name] for name in checked_exports(options.exports)}
    return {title: folder / file for title, file in files.items() if (staging / file).exists()}


def open_localizer(options: RunOptions, settings: LabelSettings) -> Localizer:
    """Open the model and see that it takes what is asked.

    Raises:
        ModelError: the bundle is unknown or damaged.
        SettingsError: a device that is not there, or options or settings that the model does not take.
    """
    localizer = Localizer.of(options)
    check_suits(settings, localizer.model.card)
    check_scales(_scales_to_keep(localizer, settings), localizer.scales)
    return localizer


def asked_identity(localizer: Localizer, options: RunOptions, settings: LabelSettings) -> str:
    """Return the identity that results of a run will have, before anything is computed; arguments as there."""
    card = localizer.model.card
    own = default_settings(card, _scales_to_keep(localizer, settings), projections=card.projections)
    return answer_identity(card, options, settings.completed(own))


def in_this_process(
    localizer: Localizer,
    options: RunOptions,
    settings: LabelSettings,
    progress: Callable[[CaseInput], AbstractContextManager[Progress | None]] = lambda _case: nullcontext(),
) -> Inference[Never]:
    """Return what runs a model here and now.

    Args:
        localizer: from :func:`open_localizer`; it may have served other cases.
        options: as there.
        settings: as there; only the maps of the scales that they fuse are kept.
        progress: opens the display of a case's progress, which is called after each batch with (images done, images);
            what it raises ends the run.
    """
    scales = _scales_to_keep(localizer, settings)

    def infer(case: CaseInput, volume: Volume) -> Generator[Never, None, Findings]:
        yield from ()
        with progress(case) as shown:
            return localizer.run(volume, view=options.view, scales=scales, progress=shown)

    return infer


def _scales_to_keep(localizer: Localizer, settings: LabelSettings) -> tuple[int, ...]:
    if settings.scales == ALL_SCALES:
        return localizer.scales
    weighted = tuple(scale for scale, _ in settings.weights or ())
    return tuple(sorted({*(settings.scales or weighted or localizer.model.card.scales), *weighted}))


def name_cases(paths: Sequence[Path]) -> list[str]:
    """Name the cases of inputs; of two names that differ in case only, one folder on some systems, one gets a number.

    Raises:
        SettingsError: two inputs whose cases would have one name.
    """
    names: list[str] = []
    taken: set[str] = set()
    first = {case_name(path): path for path in reversed(paths)}
    for path in paths:
        name = case_name(path)
        if (other := first[name]) is not path:
            raise SettingsError(
                f"{other} and {path} would both be written to the case folder {name!r}; rename one or use two runs"
            )
        names.append(_free_name(name, taken))
        taken.add(names[-1].casefold())
        if names[-1] != name:
            logger.warning("%s: is written to %s, since another case has the same name but for case", path, names[-1])
    return names


def _free_name(name: str, taken: set[str]) -> str:
    numbered = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(each for each in numbered if each.casefold() not in taken)
