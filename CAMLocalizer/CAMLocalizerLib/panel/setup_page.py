"""SetupPage: what is installed, what is missing, and what a model can run on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from .. import installation, jobs
from .buttons import Buttons
from .installer import Installer
from .launching import slicer_launcher
from .widgets import make_timer, table_item

POLL_MS = 100


class SetupPage:
    """Shows what is installed and installs what is missing.

    Args:
        ui: the widgets of the panel by name.
        installer: installs packages into Slicer's Python.
        buttons: the buttons of the panel.
        model_names: returns the names of the installed models.
        installed: called after an installation.
    """

    def __init__(
        self,
        ui: Any,
        installer: Installer,
        buttons: Buttons,
        *,
        model_names: Callable[[], Sequence[str]],
        installed: Callable[[], None],
    ) -> None:
        self._ui, self.installer, self._buttons = ui, installer, buttons
        self._model_names, self._installed = model_names, installed
        self._packages: Sequence[Any] = ()
        self._missing: Sequence[Any] = ()
        self._devices: Any = None
        self.probe: Any = None
        self.probe_timer = make_timer(POLL_MS, self.on_probe)
        ui.installButton.connect("clicked()", self.on_install_button)
        ui.checkButton.connect("clicked()", self.on_check_button)
        ui.copyReportButton.connect("clicked()", self.on_copy_report_button)
        ui.setUpSection.connect("contentsCollapsed(bool)", self.on_collapsed)
        self._prepare_table()

    def _prepare_table(self) -> None:
        table = self._ui.setUpTable
        table.setColumnCount(2)
        table.setHorizontalHeaderLabels([_("Needed"), _("Found")])
        table.verticalHeader().setVisible(False)
        table.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.ResizeToContents)
        table.horizontalHeader().setSectionResizeMode(1, qt.QHeaderView.Stretch)

    def run_blocker(self) -> str:
        """Return why no model can run; empty if everything is installed."""
        if not self._missing:
            return ""
        return _("{name} is not installed; see Set-up below.").format(name=self._missing[0].name)

    def check(self) -> None:
        """Show what is installed; open the page if something is missing."""
        self._packages = installation.package_states()
        self._missing = installation.missing_packages(self._packages)
        self._ui.setUpSection.collapsed = not self._missing
        names = ", ".join(str(requirement) for requirement in self._missing)
        complete = _("Everything is installed.")
        self._ui.setUpLabel.text = _("Missing: {names}.").format(names=names) if names else complete
        self._buttons.allow("installButton", "" if names else complete)
        self.show()

    def on_check_button(self) -> None:
        """Check everything again."""
        self.check()
        self._ui.setUpSection.collapsed = False
        self.look_for_devices()

    def look_for_devices(self) -> None:
        """Ask what a model can run on, in another process, as this takes seconds."""
        if self.probe is None:
            self.probe = jobs.DeviceProbe(launcher=slicer_launcher())
            self.probe.start()
            self.probe_timer.start()

    def on_collapsed(self, collapsed: bool) -> None:
        """Ask for the devices when the page is opened."""
        if not collapsed:
            self.look_for_devices()

    def on_probe(self) -> None:
        """Show the devices when they are known."""
        self._devices = self.probe.poll()
        if self._devices is not None:
            self.probe = None
            self.probe_timer.stop()
            self.show()

    def show(self) -> None:
        """List packages, devices and models."""
        table, rows = self._ui.setUpTable, self._rows()
        table.rowCount = len(rows)
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                table.setItem(row, column, table_item(text))
        table.resizeRowsToContents()

    def _rows(self) -> list[tuple[str, str]]:
        rows = [(f"{p.name} {p.wanted}", p.found if p.fits else _("missing")) for p in self._packages]
        if self._devices is None:
            rows.append((_("Devices"), _("searching…")))
        else:
            rows += [(device.name, str(device).partition(" ")[2]) for device in self._devices.devices]
            rows += [(_("Problem"), self._devices.problem)] if self._devices.problem else []
        return rows + [(_("Model"), name) for name in self._model_names()]

    def on_install_button(self) -> None:
        """Install what is missing, after the user agreed once."""
        names = ", ".join(str(requirement) for requirement in self._missing)
        question = _("Download and install into Slicer's Python: {names}?").format(names=names)
        if not slicer.util.confirmOkCancelDisplay(question):
            return
        with slicer.util.tryWithErrorDisplay(_("Not everything could be installed."), waitCursor=True):
            self.installer.install(self._missing)
        self.check()
        self._installed()

    def on_copy_report_button(self) -> None:
        """Put the page as text into the clipboard."""
        found = self._devices
        report = installation.setup_report(
            () if found is None else found.devices,
            self._packages,
            models=self._model_names(),
            slicer_version=slicer.app.applicationVersion,
            problem="" if found is None else found.problem,
        )
        qt.QApplication.clipboard().setText(report)
        self._ui.statusLabel.text = _("The report is in the clipboard.")

    def close(self) -> None:
        """Ask no longer what a model can run on."""
        self.probe_timer.stop()
        if self.probe is not None:
            self.probe.cancel()
