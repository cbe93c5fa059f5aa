"""SetupPage: what is installed, what an installation would bring, and what a model can run on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from .. import installation, jobs
from .buttons import Buttons
from .installer import Installer
from .launching import slicer_launcher
from .translation import translated
from .widgets import make_timer, table_item

POLL_MS = 100
START_MS = 1000


class SetupPage:
    """Shows what is installed and installs what is missing.

    Args:
        ui: the widgets of the panel by name.
        installer: installs packages into Slicer's Python.
        buttons: the buttons of the panel.
        model_names: returns the names of the installed models.
        installed: called after an installation.
        devices_known: called with the report of the devices when they are known.
    """

    def __init__(
        self,
        ui: Any,
        installer: Installer,
        buttons: Buttons,
        *,
        model_names: Callable[[], Sequence[str]],
        installed: Callable[[], None],
        devices_known: Callable[[Any], None],
    ) -> None:
        self._ui, self.installer, self._buttons = ui, installer, buttons
        self._model_names, self._installed, self._devices_known = model_names, installed, devices_known
        self._packages: Sequence[Any] = ()
        self._missing: Sequence[Any] = ()
        self._devices: Any = None
        self._wheels: Path | None = None
        self.probe: Any = None
        self.probe_timer = make_timer(POLL_MS, self.on_probe)
        self.start_timer = make_timer(START_MS, self.look_for_devices, single_shot=True)
        ui.installButton.connect("clicked()", self.on_install_button)
        ui.checkButton.connect("clicked()", self.on_check_button)
        ui.copyReportButton.connect("clicked()", self.on_copy_report_button)
        ui.offlineCheckBox.connect("toggled(bool)", self.on_offline)
        ui.wheelsFolderButton.connect("directoryChanged(QString)", self.on_wheels)
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
        self._announce()
        self.show()

    def announcement(self) -> str:
        """Say what an installation brings, how large it is and how long it takes, or that nothing is missing."""
        if not self._missing:
            return _("Everything is installed.")
        names = [each.name for each in self._missing]
        if self._folder_is_wanted():
            text = _("Missing: {names}. Choose the folder that the wheels were downloaded to.")
            return text.format(names=", ".join(names))
        if self.wheels is not None:
            text = _("Missing: {names}. They are installed from {folder}, without a network.")
            return text.format(names=", ".join(names), folder=self.wheels)
        if self.installer.needs_extension(self._missing):
            names.insert(0, _("the PyTorch extension"))
        size = installation.installation_size(self._missing)
        text = _("Missing: {names}. The download is about {download} and takes about {minutes} min; {disk} on disk.")
        return text.format(
            names=", ".join(names), download=size.download_text, minutes=size.minutes, disk=size.disk_text
        )

    @property
    def wheels(self) -> Path | None:
        """The folder of wheels to install from; None to install over the network."""
        return self._wheels if self._ui.offlineCheckBox.checked else None

    def on_offline(self, offline: bool) -> None:
        """Let a folder of wheels be chosen, or install over the network."""
        self._ui.wheelsFolderButton.enabled = offline
        self._announce()

    def on_wheels(self, folder: str) -> None:
        """Install from this folder."""
        self._wheels = Path(folder)
        self._announce()

    def _announce(self) -> None:
        """Say what an installation brings, and whether it can begin."""
        self._ui.setUpLabel.text = self.announcement()
        ready = bool(self._missing) and not self._folder_is_wanted()
        self._buttons.allow("installButton", "" if ready else self.announcement())

    def _folder_is_wanted(self) -> bool:
        return bool(self._ui.offlineCheckBox.checked) and self._wheels is None

    def look_for_devices_soon(self) -> None:
        """Ask for the devices once the window has drawn the panel, if a model can run at all."""
        if not self._missing:
            self.start_timer.start()

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
            self._devices_known(self._devices)

    def show(self) -> None:
        """List packages, devices and models."""
        table, rows = self._ui.setUpTable, self._rows()
        table.rowCount = len(rows)
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                table.setItem(row, column, table_item(text))
        table.resizeRowsToContents()

    def _rows(self) -> list[tuple[str, str]]:
        rows = [(self._package_text(state), state.found if state.fits else _("missing")) for state in self._packages]
        if self._devices is None:
            rows.append((_("Devices"), _("searching…")))
        else:
            rows += [(device.name, str(device).partition(" ")[2]) for device in self._devices.devices]
            rows += [(_("Problem"), translated(self._devices.problem))] if self._devices.problem else []
        return rows + [(_("Model"), name) for name in self._model_names()]

    def _package_text(self, state: Any) -> str:
        """Name a package, with the size of its download if it is missing."""
        size = installation.installation_size([state.requirement]).download_text
        return state.name if state.fits else _("{name}, {size}").format(name=state.name, size=size)

    def on_install_button(self) -> None:
        """Install what is missing, after the user agreed once."""
        question = _("{announcement} Install into Slicer's Python now?").format(announcement=self.announcement())
        if not slicer.util.confirmOkCancelDisplay(question):
            return
        with slicer.util.tryWithErrorDisplay(_("Not everything could be installed."), waitCursor=True):
            self.installer.install(self._missing, self.wheels)
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
        self.start_timer.stop()
        self.probe_timer.stop()
        if self.probe is not None:
            self.probe.cancel()
