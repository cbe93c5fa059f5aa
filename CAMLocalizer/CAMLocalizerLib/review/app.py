"""ReviewApp: the composition of the review."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trame_slicer.core import SlicerApp

from ..core import Volume
from ..localizer import RunOptions
from ..workbench import Workbench
from ..workbench.session.model_choice import suggested_model
from ..worklist import ArchiveSource, Means, WorklistSession
from .files import ReviewFolder
from .messages import log_vtk_messages
from .page import build_page
from .page_context import PageContext
from .page_state import PageState
from .page_views import Views
from .parts import (
    ArchivePart,
    ComponentsPart,
    ExportPart,
    ImagesPart,
    LookPart,
    RunPart,
    ScanPart,
    SettingsPart,
    WorklistPart,
)
from .review_options import ReviewOptions
from .worklist_options import OpenedWorklist, WorklistOptions


class PageWorkbench(Workbench):
    """A workbench whose scene is never saved."""

    def store(self) -> None:
        """Store nothing in the scene: writing all maps into it after every change would be slow."""


class ReviewApp:
    """The review of the volumes of one folder, or of the cases of a worklist; belongs into a running event loop.

    Args:
        server: trame's.
        options: what it is started with.
        folder: from which volumes may be read and into which results are written.
        opened: the worklist, for many cases.
    """

    def __init__(
        self,
        server: Any,
        options: ReviewOptions | WorklistOptions,
        folder: ReviewFolder,
        opened: OpenedWorklist | None = None,
    ) -> None:
        app = SlicerApp()
        log_vtk_messages()
        page = PageState(server.state)
        workbench = PageWorkbench(app.scene, confirm=_asked_in_the_page)
        workbench.device = options.device
        views = Views(server, app)
        self.context = PageContext(server, app, workbench, views, folder, page)
        self.scans: ScanPart | None = None
        self.worklist: WorklistPart | None = None
        runs = RunPart(self.context, options.model) if opened is None else None
        self.settings = SettingsPart(self.context)
        self.images = ImagesPart(self.context)
        self.components = ComponentsPart(self.context)
        self.looks = LookPart(self.context)
        self.exports = ExportPart(self.context, self._dicom_path)
        if runs is not None:
            self.scans = ScanPart(self.context, options.given, runs.suit, options.unit)
        elif opened is not None:
            session = worklist_session(opened, workbench)
            self.worklist = WorklistPart(self.context, session, listed=opened.listed)
            if isinstance(opened.source, ArchiveSource):
                ArchivePart(self.context, session, opened.source, lambda shown: opened.options(shown.found.volume, ""))
        self.context.refresh()
        build_page(server)

    def _dicom_path(self) -> Path | None:
        """Return the DICOM file or folder that the volume on show was read from; None in a worklist."""
        return self.scans.dicom_path if self.scans is not None else None

    def open(self, volume: Volume | None) -> None:
        """Show the volume that the review was started with, or the first case of the worklist."""
        with self.context.server.state:
            if self.scans is not None and volume is not None:
                self.scans.show_given(volume)
            if self.worklist is not None:
                self.worklist.begin()
            self.context.refresh()

    def thumbnail(self, number: int) -> Path | None:
        """Return the picture of a case of the worklist; None without one."""
        return None if self.worklist is None else self.worklist.session.picture(number)

    def forget_notice(self) -> None:
        """Greet the next reviewer without the last one's notice."""
        with self.context.server.state:
            self.context.page.forget_notice()

    def close(self) -> None:
        """End a run and let go of scene and worklist."""
        if self.worklist is not None:
            self.worklist.session.close()
        self.context.close()


def worklist_session(opened: OpenedWorklist, workbench: Workbench) -> WorklistSession:
    """Return a reader at a worklist whose reviews are shown by a workbench."""
    cards = workbench.models()

    def options(volume: Volume) -> RunOptions:
        return opened.options(volume, suggested_model(cards, volume.unit))

    source = opened.source
    means = Means(source.read, options, source.settings, host=workbench, new_job=opened.new_job)
    return WorklistSession(opened.store, source, means, card=opened.card)


def _asked_in_the_page(question: str) -> bool:  # noqa: ARG001  the page showed it before it called the action
    """Agree to what the reviewer agreed to in the page."""
    return True
