"""The volume on show: choosing one of the folder, and those that were uploaded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from ...core import InputError, Volume
from ...io import read_volume
from ...io.discovery import holds_dicom
from ...io.signatures import file_format
from ..data_files import check_data_files
from ..page_context import PageContext
from ..page_state import Choice, Scan
from ..shown_volume import ShownVolume, volume_detail


class ScanPart:
    """Opens volumes.

    Args:
        context: what it works with.
        given: the file or folder that the review was started with; it may lie anywhere.
        suit: called with the unit of a volume that is to be shown.
        unit: of the voxels of ``given``, where it names none.
    """

    def __init__(self, context: PageContext, given: Path, suit: Callable[[str], None], unit: str | None = None) -> None:
        self._context = context
        self._unit = unit
        self._shown_name = self._detail = ""
        self._checked: tuple[Path | None, bool] = (None, False)
        self._given = given.resolve()
        self._own = self._name_of(self._given)
        self._shown = ShownVolume(context, suit)
        context.action("open", self.open)
        context.action("list", self.list_anew)
        context.action("report_error", self._report_error)
        self._list("")

    @property
    def dicom_path(self) -> Path | None:
        """The DICOM file or folder that the scan on show was read from; None if it was not."""
        if not self._shown_name:
            return None
        path = self._given if self._shown_name == self._own else self._context.folder.inside(self._shown_name)
        if path != self._checked[0]:  # looking at a folder takes a moment
            self._checked = path, holds_dicom(path) if path.is_dir() else file_format(path) == "DICOM"
        return path if self._checked[1] else None

    def list_anew(self) -> None:
        """Look which volumes the folder holds now."""
        if not self._context.page.shown(Scan).busy:
            self._list(self._shown_name)

    async def open(self, name: str) -> None:
        """Show a volume of the folder.

        Args:
            name: as listed.

        Raises:
            InputError: a path outside the folder, or a file that cannot be read.
        """
        path = self._given if name == self._own else self._context.folder.inside(name)
        if self._context.workbench.running:
            raise InputError("the model is at work; cancel it before opening another scan")
        if self._context.page.shown(Scan).busy:
            raise InputError("another scan is being opened; wait for it")
        self._list(name, busy=f"Opening {path.name}…")
        self._context.server.state.flush()
        try:
            if name != self._own:  # which the reviewer named in the terminal
                await asyncio.to_thread(check_data_files, path, self._context.folder.root)
            unit = self._unit if name == self._own else None
            self._show(await asyncio.to_thread(read_volume, path, unit=unit))
        except Exception:
            self._context.folder.settle_upload(name, readable=False)
            self._list(self._shown_name)
            raise
        self._context.folder.settle_upload(name, readable=True)
        self._shown_name = name
        self._list(name)

    def show_given(self, volume: Volume) -> None:
        """Show the volume that the review was started with."""
        self._show(volume)
        self._shown_name = self._own
        self._list(self._own)

    def _show(self, volume: Volume) -> None:
        self._shown.show(volume)
        self._detail = volume_detail(volume)

    def _list(self, chosen: str, *, busy: str = "") -> None:
        names = dict.fromkeys([self._own, *self._context.folder.volumes()])
        choices = tuple(Choice(name, name) for name in names)
        scan = Scan(chosen, Path(chosen).name, self._detail, choices, str(self._context.folder.root), busy)
        self._context.page.show(scan)

    def _name_of(self, path: Path) -> str:
        root = self._context.folder.root
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name

    def _report_error(self, sentence: str) -> None:
        self._context.page.notice(str(sentence), error=True)
