"""BatchControls: every scan of a folder, one after the other, with a table of what came of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..core import CAMLocalizerError
from ..workbench.names import component_count_text
from ..workbench.presenter import volume_text
from ..workbench.scripting import FolderProcessing
from .batch_scans import BatchScan, find_scans, load_result
from .buttons import Buttons
from .launching import slicer_launcher
from .translation import translated
from .widgets import make_timer, table_item

POLL_MS = 100
OUTPUT = "CAMLocalizer results"  # beside the scans, until another folder is chosen
SCAN, RESULT, VOLUME = range(3)


class BatchControls:
    """The section Batch.

    Args:
        ui: the widgets of the panel by name.
        buttons: the buttons of the panel.
        blocker: returns why no batch can be started, as the library says it; empty if one can.
        options: returns model, device, view and exports by name.
        loaded: called with the volume node of a result that was loaded.
        changed: called after the batch was started or ended.
        process: makes the work from cases, folder and options.
    """

    def __init__(
        self,
        ui: Any,
        buttons: Buttons,
        *,
        blocker: Callable[[], str],
        options: Callable[[], Mapping[str, Any]],
        loaded: Callable[[Any], None],
        changed: Callable[[], None],
        process: Callable[..., Any] = FolderProcessing,
    ) -> None:
        self._ui, self._buttons, self._blocker, self._options = ui, buttons, blocker, options
        self._loaded, self._changed, self._process = loaded, changed, process
        self._chosen = False  # a button for folders has one from the start
        self._scans: tuple[BatchScan, ...] = ()
        self._waiting: list[int] = []  # rows of the scans that the work has
        self._nodes: dict[int, Any] = {}
        self.work: Any = None
        self.poll_timer = make_timer(POLL_MS, self.on_poll)
        ui.batchButton.connect("clicked()", self.on_button)
        ui.batchFolderButton.connect("directoryChanged(QString)", self.on_folder)
        ui.batchTable.connect("cellDoubleClicked(int,int)", lambda row, _column: self.load(row))
        self._prepare_table()
        self.show()

    def _prepare_table(self) -> None:
        table = self._ui.batchTable
        table.setColumnCount(3)
        table.setHorizontalHeaderLabels([_("Scan"), _("Result"), _("Volume")])
        table.verticalHeader().setVisible(False)
        for column in (SCAN, RESULT):
            table.horizontalHeader().setSectionResizeMode(column, qt.QHeaderView.Stretch)
        table.horizontalHeader().setSectionResizeMode(VOLUME, qt.QHeaderView.ResizeToContents)

    @property
    def running(self) -> bool:
        """Whether a batch is at work."""
        return self.work is not None

    def on_folder(self, folder: str) -> None:
        """Propose a folder of results beside the scans."""
        self._chosen = True
        self._ui.batchOutputButton.directory = str(Path(folder) / OUTPUT)
        self.show()

    def on_button(self) -> None:
        """Start the batch, or cancel it if it runs."""
        if self.running:
            self.work.cancel()
            self._end(_("Cancelled. Results that are complete were kept."))
            return
        self._ui.batchMessage.text = translated(self._blocker())
        try:
            with slicer.util.WaitCursor():
                if not self._blocker():
                    self.start()
        except CAMLocalizerError as error:
            self._ui.batchMessage.text = translated(str(error))
        self.show()
        self._changed()

    def start(self) -> None:
        """Find the scans and begin with the first that has no results.

        Raises:
            CAMLocalizerError: there is nothing to do, or no batch can be started.
        """
        ui, overwrite = self._ui, bool(self._ui.batchOverwrite.checked)
        output = Path(ui.batchOutputButton.directory)
        self._scans = find_scans(Path(ui.batchFolderButton.directory), output, ui.batchPattern.text.strip() or "*")
        self._nodes = {}
        done = [not overwrite and scan.has_results for scan in self._scans]
        self._waiting = [row for row, is_done in enumerate(done) if not is_done]
        ui.batchTable.rowCount = len(self._scans)
        for row, scan in enumerate(self._scans):
            self._show_row(row, scan.title, _("has results") if done[row] else _("waits"))
        if not self._waiting:
            ui.batchMessage.text = _("Every scan has results. Double click one to load it.")
            return
        cases = [self._scans[row].case for row in self._waiting]
        self.work = self._process(cases, output, overwrite=overwrite, launcher=slicer_launcher(), **self._options())
        self.poll_timer.start()

    def on_poll(self) -> None:
        """Show how far the batch is."""
        status = self.work.poll()
        for row, outcome in zip(self._waiting, self.work.rows, strict=False):
            self._show_outcome(row, outcome)
        done = len(self.work.rows)
        if status.running:
            if done < len(self._waiting):
                self._show_row(self._waiting[done], None, translated(status.sentence))
            self._show_progress(done)
            return
        self._end(translated(status.sentence))

    def _show_progress(self, done: int) -> None:
        bar, total = self._ui.batchProgress, len(self._waiting)
        bar.maximum, bar.value = total, done
        bar.format = _("{done} of {total} scans").format(done=done, total=total)

    def _end(self, sentence: str) -> None:
        self.poll_timer.stop()
        for row in self._waiting[len(self.work.rows) :]:
            self._show_row(row, None, "")
        self.work = None
        self._ui.batchMessage.text = sentence
        self.show()
        self._changed()

    def _show_outcome(self, row: int, outcome: Any) -> None:
        if outcome.folder is None:
            self._show_row(row, None, translated(outcome.error))
        elif outcome.tumour_found:
            count = translated(component_count_text(outcome.components))
            self._show_row(row, None, count, volume_text(outcome.volume_ml))
        else:
            self._show_row(row, None, _("no tumour found"), volume_text(outcome.volume_ml))

    def _show_row(self, row: int, title: str | None, result: str, volume: str = "") -> None:
        """Fill a row; the title stays if it is None. Long results are read in the tooltip."""
        table, texts = self._ui.batchTable, {RESULT: result, VOLUME: volume}
        if title is not None:
            texts[SCAN] = title
        for column, text in texts.items():
            item = table_item(text)
            item.setToolTip(text)
            table.setItem(row, column, item)

    def show(self) -> None:
        """Show whether a batch can be started, or that it runs."""
        ui, running = self._ui, self.running
        ui.batchButton.text = _("Cancel") if running else _("Find tumours in all")
        ui.batchProgress.visible = running
        for widget in (ui.batchFolderButton, ui.batchPattern, ui.batchOutputButton, ui.batchOverwrite):
            widget.enabled = not running
        nothing = "" if self._chosen else _("Choose the folder of the scans first.")
        self._buttons.allow("batchButton", "" if running else self._blocker() or nothing)

    def load(self, row: int) -> None:
        """Load the result of a row, or show it again if it was loaded before."""
        if not 0 <= row < len(self._scans):
            return
        if not self._scans[row].has_results:
            self._ui.batchMessage.text = _("{scan} has no result yet.").format(scan=self._scans[row].title)
            return
        node = self._nodes.get(row)
        try:
            if node is None or node.GetScene() is not slicer.mrmlScene:
                with slicer.util.WaitCursor():
                    self._nodes[row], _segmentation = load_result(self._scans[row])
            self._loaded(self._nodes[row])
        except CAMLocalizerError as error:
            self._ui.batchMessage.text = translated(str(error))

    def close(self) -> None:
        """Cancel the batch; results that are complete stay."""
        self.poll_timer.stop()
        if self.work is not None:
            self.work.cancel()
            self.work = None
