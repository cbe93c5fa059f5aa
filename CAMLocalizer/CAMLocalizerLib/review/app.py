"""ReviewApp: the composition of the review."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trame_slicer.core import SlicerApp

from ..core import Volume
from ..workbench import Workbench
from .files import ReviewFolder
from .messages import log_vtk_messages
from .page import build_page
from .page_context import PageContext
from .page_state import PageState
from .page_views import Views
from .parts import ComponentsPart, ExportPart, ImagesPart, LookPart, RunPart, ScanPart, SettingsPart


class PageWorkbench(Workbench):
    """A workbench whose scene is never saved."""

    def store(self) -> None:
        """Store nothing in the scene: writing all maps into it after every change would be slow."""


class ReviewApp:
    """The review of the volumes of one folder; belongs into a running event loop.

    Args:
        server: trame's.
        given: file or folder that is opened first.
        folder: from which volumes may be read and into which results are written.
        model: name or folder of the model; one that suits the volume if not given.
        device: where the model computes.
        unit: of the voxels of ``given``, where it names none.
    """

    def __init__(
        self,
        server: Any,
        given: Path,
        folder: ReviewFolder,
        *,
        model: str | None = None,
        device: str = "auto",
        unit: str | None = None,
    ) -> None:
        app = SlicerApp()
        log_vtk_messages()
        page = PageState(server.state)
        workbench = PageWorkbench(app.scene, confirm=_asked_in_the_page)
        workbench.device = device
        views = Views(server, app)
        self.context = PageContext(server, app, workbench, views, folder, page)
        self.runs = RunPart(self.context, model)
        self.settings = SettingsPart(self.context)
        self.images = ImagesPart(self.context)
        self.components = ComponentsPart(self.context)
        self.looks = LookPart(self.context)
        self.exports = ExportPart(self.context, lambda: self.scans.dicom_path)
        self.scans = ScanPart(self.context, given, self.runs.suit, unit)
        self.context.refresh()
        build_page(server)

    def open(self, volume: Volume) -> None:
        """Show the volume that the review was started with."""
        with self.context.server.state:
            self.scans.show_given(volume)
            self.context.refresh()

    def forget_notice(self) -> None:
        """Greet the next reviewer without the last one's notice."""
        with self.context.server.state:
            self.context.page.forget_notice()

    def close(self) -> None:
        """End a run and let go of the scene."""
        self.context.close()


def _asked_in_the_page(question: str) -> bool:  # noqa: ARG001  the page showed it before it called the action
    """Agree to what the reviewer agreed to in the page."""
    return True
