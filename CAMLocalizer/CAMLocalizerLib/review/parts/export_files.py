"""Label map and report, written into the folder and offered for download."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...case_files import CASE_FILES
from ...core import SettingsError
from ..page_context import PageContext
from ..page_state import Accepted, Exported, ExportedFile
from ..routes import EVERYTHING

KIB = 1024
SUFFIX = "-review"  # beside the results of the command line, never over them
ORDER = ("label map", "report", "segmentation", "activation", "picture")


class ExportPart:
    """Writes the files of a case."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self.folder: Path | None = None
        context.action("export", self.export)

    def export(self) -> None:
        """Write what was accepted, or else the label map on show, over an earlier export of the same scan."""
        if reason := self._context.availability.export_blocker():
            raise SettingsError(reason)
        review = self._context.review
        name = f"{review.found.volume.name}{SUFFIX}"
        self.folder = review.export(self._context.folder.root, name=name, overwrite=True)
        page = self._context.page
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
