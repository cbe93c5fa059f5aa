"""WorklistOptions: what a review of many cases is started with, checked before anything slow starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..archive.request import ArchiveRequest
from ..core import InputError, ModelError, Volume
from ..io.discovery import holds_dicom, list_inputs
from ..jobs import LocalizationJob
from ..localizer import RunOptions
from ..models import CARD_FILE, ModelCard
from ..models.search import find_bundle
from ..option_names import DEFAULT_MODEL
from ..worklist import (
    DEFAULT_READER,
    WORKLIST_FOLDER,
    ArchiveSource,
    BatchSource,
    CaseSource,
    FolderSource,
    WorklistStore,
    check_reader,
    is_batch,
)
from ..worklist.database import DATABASE
from ..worklist.preparation import NewJob
from .files import ReviewFolder
from .review_options import check_port

DEPTH = 8  # folders below the given one that are searched for more than one scan


@dataclass(frozen=True)
class OpenedWorklist:
    """A worklist that can be shown.

    Args:
        store: its cases and answers; closed by whoever shows it.
        source: where the cases come from.
        card: of the model that was asked for; None if one that suits each volume is taken.
        options: tells which model runs on a volume, given the model that suits it.
        new_job: makes the job that runs the model.
        listed: whether the source was asked for its cases just now.
    """

    store: WorklistStore
    source: CaseSource
    card: ModelCard | None
    options: Callable[[Volume, str], RunOptions]
    new_job: NewJob = LocalizationJob
    listed: bool = False


@dataclass(frozen=True)
class WorklistOptions:
    """What a review of many cases is started with.

    Args:
        given: folder of scans, or results of a batch; for an archive that of worklist and results, made if missing.
        archive: studies of an archive to review instead.
        folder: the archive of a batch; looked for if None.
        reader: identifier of who answers.
        patient: regular expression whose first group is the patient in a path.
        model: name or folder of a model bundle; for a batch that of the batch, otherwise one that suits each volume.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        port: 0 takes a free one.
        browser: open the page in the browser.
        unit: of voxels whose file names none.
    """

    given: Path
    folder: Path | None = None
    archive: ArchiveRequest | None = None
    reader: str = DEFAULT_READER
    patient: str = ""
    model: str | None = None
    device: str = "auto"
    port: int = 0
    browser: bool = True
    unit: str | None = None

    def open_folder(self) -> ReviewFolder:
        """Return the folder that exports of the review are written into."""
        return ReviewFolder(self.given)

    def open_worklist(self) -> OpenedWorklist:
        """See that model and port can be used, and open or make the worklist beside the scans or results.

        Raises:
            CAMLocalizerError: what cannot be used: folder, model, port, reader, or a worklist that is open elsewhere.
        """
        check_port(self.port)
        source, model = self._source()
        card = None if model is None else ModelCard.read(find_bundle(model) / CARD_FILE)
        store = WorklistStore(self.given / WORKLIST_FOLDER, self.reader)
        try:
            store.settle_archive("" if self.archive is None else self.archive.address.url)
            if listed := self.archive is not None or not store.order():
                store.list_anew(source.list_cases(store.names(), store.salt()))
        except BaseException:
            store.close()
            raise
        return OpenedWorklist(store, source, card, self._options(source, model), listed=listed)

    def _source(self) -> tuple[FolderSource | BatchSource | ArchiveSource, str | None]:
        """Return where the cases come from, and the model that is asked for."""
        if self.archive is not None:
            check_reader(self.reader)
            model = self.model or DEFAULT_MODEL
            card = ModelCard.read(find_bundle(model) / CARD_FILE)
            return ArchiveSource(self.archive, self.given, card, unit=self.unit), model
        if not is_batch(self.given):
            return FolderSource(self.given, unit=self.unit, patient=self.patient), self.model
        source = BatchSource(self.given, self.folder, patient=self.patient)
        try:
            find_bundle(self.model or source.model)
        except ModelError as error:
            raise ModelError(f"{error}; name the model of the batch with --model") from error
        return source, self.model or source.model

    def _options(self, source: CaseSource, model: str | None) -> Callable[[Volume, str], RunOptions]:
        def options(_volume: Volume, suited: str) -> RunOptions:
            chosen = model or suited or DEFAULT_MODEL
            if isinstance(source, BatchSource):
                return source.options(chosen, self.device)
            return RunOptions(model=chosen, device=self.device, unit=self.unit if self.archive else None)

        return options


def is_worklist(given: Path) -> bool:
    """Return whether a review of a path is one of many cases: not that of a file or of a single DICOM series.

    Args:
        given: file or folder.
    """
    if not given.is_dir():
        return False
    if is_batch(given) or (given / WORKLIST_FOLDER / DATABASE).is_file():
        return True
    inputs = [given] if holds_dicom(given) else list(islice(list_inputs(given, depth=DEPTH), 2))
    if len(inputs) != 1 or not inputs[0].is_dir():
        return True
    try:
        return len(FolderSource(given).list_cases({}, "")) > 1
    except InputError:
        return False  # reading the series tells what is wrong with it
