"""Label map and report, written into the folder and offered for download."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...case_files import CASE_FILES
from ...core import SettingsError
from ..desk import Desk
from ..routes import EVERYTHING
from ..state import Accepted, Exported, ExportedFile

KIB = 1024
SUFFIX = "-review"  # beside the results of the command line, never over them
ORDER = ("label map", "report", "segmentation", "activation", "picture")


class ExportPart:
    """Writes the files of a case."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.folder: Path | None = None
        desk.gesture("export", self.export)

    def export(self) -> None:
        """Write what was accepted, or else the label map on show, over an earlier export of the same scan."""
        if reason := self._desk.in_page_words(self._desk.workbench.why_not_export()):
            raise SettingsError(reason)
        review = self._desk.review
        name = f"{review.found.volume.name}{SUFFIX}"
        self.folder = review.export(self._desk.folder.root, name=name, overwrite=True)
        page = self._desk.page
        shown: Exported = page.shown(Exported)
        page.show(replace(page.shown(Accepted), unsaved=False))
        page.show(Exported(str(self.folder), _files(self.folder), shown.count + 1))


def _files(folder: Path) -> tuple[ExportedFile, ...]:
    files = [
        ExportedFile(
            CASE_FILES[kind],
            kind.capitalize(),
            _size((folder / CASE_FILES[kind]).stat().st_size),
            f"download/{CASE_FILES[kind]}",
        )
        for kind in ORDER
        if (folder / CASE_FILES[kind]).is_file()
    ]
    total = sum(path.stat().st_size for path in folder.iterdir())
    return (*files, ExportedFile(f"{folder.name}.zip", "All files", _size(total), f"download/{EVERYTHING}"))


def _size(count: int) -> str:
    return f"{count / KIB:.0f} KB" if count < KIB * KIB else f"{count / KIB / KIB:.1f} MB"
