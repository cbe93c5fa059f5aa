"""Label map, report and further files, written into the folder and offered for download."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ...case_files import CASE_FILES, EXPORT_FILES
from ...core import SettingsError
from ...workbench.export_choices import AT_FIRST, EXPORT_CHOICES, export_blocker, possible_exports
from ..page_context import PageContext
from ..page_state import Accepted, Exported, ExportedFile, ExportRow, Exports
from ..routes import EVERYTHING

KIB = 1024
SUFFIX = "-review"  # beside the results of the command line, never over them
ORDER = ("label map", "report", "segmentation", "activation", "picture")


class ExportPart:
    """Writes the files of a case.

    Args:
        context: what it works with.
        dicom_path: returns the DICOM file or folder that the scan was read from; None if it was not.
    """

    def __init__(self, context: PageContext, dicom_path: Callable[[], Path | None]) -> None:
        self._context, self._dicom_path = context, dicom_path
        self._ticked = set(AT_FIRST)
        self.folder: Path | None = None
        context.action("export", self.export)
        context.action("tick_export", self.tick)
        context.on_action(self._show)

    def tick(self, name: str, on: bool) -> None:
        """Let a further file be exported, or not."""
        self._ticked = self._ticked | {str(name)} if on else self._ticked - {str(name)}

    def export(self) -> None:
        """Write what was accepted, or else the label map on show, over an earlier export of the same scan."""
        if reason := self._context.availability.export_blocker():
            raise SettingsError(reason)
        review, dicom = self._context.review, self._dicom_path()
        self.folder = review.export(
            self._context.folder.root,
            name=f"{review.found.volume.name}{SUFFIX}",
            overwrite=True,
            exports=possible_exports(self._ticked, from_dicom=dicom is not None),
            dicom_reference=dicom,
        )
        page = self._context.page
        shown: Exported = page.shown(Exported)
        page.show(replace(page.shown(Accepted), unsaved=False))
        page.show(Exported(str(self.folder), _files(self.folder), shown.count + 1))

    def _show(self) -> None:
        from_dicom = self._dicom_path() is not None
        rows = (
            ExportRow(
                choice.name,
                choice.title,
                choice.hint,
                choice.name in self._ticked,
                export_blocker(choice, from_dicom=from_dicom),
            )
            for choice in EXPORT_CHOICES
        )
        self._context.page.show(Exports(tuple(rows)))


def _files(folder: Path) -> tuple[ExportedFile, ...]:
    titles = {CASE_FILES[kind]: kind.capitalize() for kind in ORDER}
    titles |= {EXPORT_FILES[choice.name]: choice.title for choice in EXPORT_CHOICES}
    files = [
        ExportedFile(name, title, _size((folder / name).stat().st_size), f"download/{name}")
        for name, title in titles.items()
        if (folder / name).is_file()
    ]
    total = sum(path.stat().st_size for path in folder.iterdir())
    return (*files, ExportedFile(f"{folder.name}.zip", "All files", _size(total), f"download/{EVERYTHING}"))


def _size(count: int) -> str:
    return f"{count / KIB:.0f} KB" if count < KIB * KIB else f"{count / KIB / KIB:.1f} MB"
