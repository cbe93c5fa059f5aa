"""ExportControls: where the files of a case are written, which further ones, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..workbench import Availability
from ..workbench.export_choices import AT_FIRST, EXPORT_CHOICES, ExportChoice, export_blocker, possible_exports
from ..workbench.review.exporting import safe_name
from .buttons import Buttons
from .dicom_origin import dicom_database, dicom_files, series_folder, show_in_database
from .interactions import Interactions
from .messages import EXPORT
from .translation import translated

COLUMNS = 2
FOLDER_SETTING = "CAMLocalizer/ExportFolder"
EXPORTS_SETTING = "CAMLocalizer/Exports"


class ExportControls:
    """Folder, check boxes and buttons of the section Export.

    Args:
        ui: the widgets of the panel by name.
        workbench: knows the volume.
        availability: why nothing can be exported.
        interactions: runs the export and shows what goes wrong.
        buttons: the buttons of the panel.
    """

    def __init__(
        self, ui: Any, workbench: Any, availability: Availability, interactions: Interactions, buttons: Buttons
    ) -> None:
        self._ui, self._workbench, self._available = ui, workbench, availability
        self._interactions, self._buttons = interactions, buttons
        self._review: Any = None
        self._files: tuple[Path, ...] = ()
        self._written: Path | None = None
        ticked = _setting(EXPORTS_SETTING)
        self._ticked = set(AT_FIRST if ticked is None else ticked.split())
        self.boxes = {choice.name: self._add_box(number, choice) for number, choice in enumerate(EXPORT_CHOICES)}
        ui.exportButton.connect("clicked()", lambda: interactions.now(self.export, EXPORT))
        ui.showDicomButton.connect("clicked()", lambda: interactions.now(self.show_dicom, EXPORT))

    def _add_box(self, number: int, choice: ExportChoice) -> Any:
        box = qt.QCheckBox(translated(choice.title))
        box.checked = choice.name in self._ticked
        box.connect("toggled(bool)", lambda ticked: self._on_ticked(choice.name, ticked))
        self._ui.exportsBox.layout().addWidget(box, number // COLUMNS, number % COLUMNS)
        return box

    def _on_ticked(self, name: str, ticked: bool) -> None:
        self._ticked = self._ticked | {name} if ticked else self._ticked - {name}
        qt.QSettings().setValue(EXPORTS_SETTING, " ".join(sorted(self._ticked)))

    def show(self, review: Any) -> None:
        """Show whether and what can be exported.

        Args:
            review: the review; None without one.
        """
        self._buttons.allow("exportButton", self._available.export_blocker())
        if review is self._review:
            return
        self._review, self._written = review, None
        self._ui.showDicomButton.visible = False
        if review is None:
            return
        self._files = dicom_files(self._workbench.volume_node)
        self._ui.exportFolderButton.directory = str(_first_folder(self._workbench.volume_node))
        for choice in EXPORT_CHOICES:
            blocker = export_blocker(choice, from_dicom=bool(self._files))
            self.boxes[choice.name].enabled = not blocker
            self.boxes[choice.name].toolTip = translated(blocker or choice.hint)

    def ticked(self, *, from_dicom: bool) -> tuple[str, ...]:
        """Return the exports that are ticked and possible."""
        return possible_exports(self._ticked, from_dicom=from_dicom)

    def export(self) -> None:
        """Write the files of the case into the chosen folder."""
        review = self._interactions.review
        folder = Path(self._ui.exportFolderButton.directory)
        target = folder / safe_name(review.found.volume.name)
        question = _("{folder} already exists. Replace what an earlier export wrote there?").format(folder=target)
        if target.exists() and not slicer.util.confirmYesNoDisplay(question):
            return
        exports = self.ticked(from_dicom=bool(self._files))
        with slicer.util.WaitCursor(), series_folder(self._files) as reference:
            overwrite = target.exists()
            written = review.export(folder, overwrite=overwrite, exports=exports, dicom_reference=reference)
        qt.QSettings().setValue(FOLDER_SETTING, str(folder))
        self._written = written
        self._interactions.messages.say(EXPORT, _("Written to {folder}.").format(folder=written))
        self._ui.showDicomButton.visible = dicom_database() is not None and any(written.glob("*.dcm"))

    def show_dicom(self) -> None:
        """Show what was exported in Slicer's DICOM database."""
        if self._written is not None:
            show_in_database(self._written)


def _first_folder(volume_node: Any) -> Path:
    """Return the folder of a volume's file, or the one exported to last, or the user's own."""
    storage = volume_node.GetStorageNode()
    own = Path(storage.GetFileName() or "").parent if storage is not None and storage.GetFileName() else None
    if own is not None and own.is_dir() and not own.is_relative_to(slicer.app.temporaryPath):
        return own
    last = _setting(FOLDER_SETTING)
    return Path(last) if last and Path(last).is_dir() else Path.home()


def _setting(name: str) -> str | None:
    value = qt.QSettings().value(name)
    return None if value is None else str(value)
