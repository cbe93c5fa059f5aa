"""StudyRunner: a study from an archive to a case folder, and back."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Never, cast

from ..cases.loop import CaseInput, CaseOutcome, asked_identity, in_this_process, localize_cases
from ..core import Volume
from ..io.writing import already_exists_error
from ..localizer import Findings, LabelSettings, Localizer, RunOptions
from ..localizer.inference import Progress
from .answers import is_answered
from .client import Archive
from .errors import AlreadyAnsweredError, ArchiveError
from .fetching import completeness_note, fetched_series, without_folder
from .request import StudyOptions
from .sending import send_case
from .series_choice import Choice, Requirements, chosen_by_name
from .series_search import choose_in_study, list_series


class StudyRunner:
    """Fetches the series of a study that suits the model, localises in it and sends the results.

    Args:
        archive: connection.
        localizer: from :func:`CAMLocalizerLib.cases.loop.open_localizer`; it may have served other cases.
        run: which model runs; its exports have to be those of ``study``.
        settings: how the label map is made.
        study: how studies are dealt with.
        progress: opens the display of a case's progress, as for :func:`in_this_process`.
    """

    def __init__(
        self,
        archive: Archive,
        localizer: Localizer,
        run: RunOptions,
        settings: LabelSettings,
        study: StudyOptions,
        progress: Callable[[CaseInput], AbstractContextManager[Progress | None]] = lambda _case: nullcontext(),
    ) -> None:
        self.archive = archive
        self.options = study
        self._run = replace(run, exports=study.exports(run.exports))
        self._settings = settings
        self._required = Requirements.of(localizer.model.card)
        self._identity = asked_identity(localizer, run, settings)
        self._infer = in_this_process(localizer, run, settings, progress)

    def run(
        self, study: str, target: Path, *, series: str = "", stack: str | None = None, overwrite: bool = False
    ) -> CaseOutcome:
        """Localise in a study.

        Args:
            study: StudyInstanceUID.
            target: case folder, written whole or not at all.
            series: SeriesInstanceUID; empty to choose one.
            stack: of the series, where it has several: UID#2.
            overwrite: replace the folder of earlier results.

        Returns:
            What became of the case. An outcome with an error and a result was computed but not sent.

        Raises:
            StudySkippedError: the study has no suitable series, or its answer is in the archive.
            ArchiveError: the study is not there, or the archive fails.
            OutputError: the folder cannot be written.
        """
        if os.path.lexists(target) and not overwrite:
            raise already_exists_error(target)
        choice = self.choose(study, series, whole=stack is None)
        with fetched_series(self.archive, study, choice.series.uid, target) as folder:
            case = CaseInput(folder, target, stack)
            notes = (choice.reason, completeness_note(folder))
            steps = localize_cases([case], self._noted(notes), self._run, self._settings, overwrite=overwrite)
            (outcome,) = cast("list[CaseOutcome]", list(steps))
        if outcome.error is not None:
            return replace(outcome, error=without_folder(outcome.error, folder))
        if not self.options.store:
            return outcome
        try:
            send_case(self.archive, target, whole=stack is None)
        except ArchiveError as error:
            return replace(outcome, error=error)
        return outcome

    def choose(self, study: str, series: str = "", *, whole: bool = True) -> Choice:
        """Choose the series of a study.

        Args:
            study: StudyInstanceUID.
            series: SeriesInstanceUID; empty to choose what suits the model.
            whole: whether all images of the series are looked at.

        Raises:
            StudySkippedError: none suits, or the answer is in the archive.
            ArchiveError: the study is not there, or the archive fails.
        """
        listed = list_series(self.archive, study)
        if series:
            choice = chosen_by_name(listed, series)
        else:
            choice = choose_in_study(self.archive, study, listed, self._required, self.options)
        asked = choice.series if whole else replace(choice.series, instances=0)
        if not self.options.again and is_answered(self.archive, study, listed, asked, self._identity):
            raise AlreadyAnsweredError(
                f"the archive holds the result of this model and these settings for {choice.series.name} already"
            )
        return choice

    def _noted(self, notes: tuple[str, ...]) -> Callable[[CaseInput, Volume], Generator[Never, None, Findings]]:
        """Return the inference, whose findings have further notes."""

        def infer(case: CaseInput, volume: Volume) -> Generator[Never, None, Findings]:
            found: Any = yield from self._infer(case, volume)
            return replace(found, notes=(*found.notes, *filter(None, notes)))

        return infer
