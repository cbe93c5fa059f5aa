"""The page that shows what is installed and installs what is missing."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from CAMLocalizerLib import installation, jobs
from CAMLocalizerLib.installation import TORCH, PackageState, Requirement, sizes
from CAMLocalizerLib.jobs import Device, DeviceReport

PLOTS = Requirement("matplotlib", ">=3.8,<4")


class Probe:
    """Knows one graphics card at the second question."""

    def __init__(self, **_: Any) -> None:
        self.cancelled, self.answers = False, [None, DeviceReport((Device("cuda:0", "cuda", 8192, 4096, "Card"),))]

    def start(self) -> None:
        """Nothing has to be started."""

    def poll(self) -> DeviceReport | None:
        """Answer at the second question."""
        return self.answers.pop(0)

    def cancel(self) -> None:
        """Remember that nobody waits any more."""
        self.cancelled = True


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> list[Requirement]:
    """What is missing; tests change it."""
    wanted: list[Requirement] = []

    def states() -> tuple[PackageState, ...]:
        return tuple(
            PackageState(entry, "" if entry in wanted else "3.9.2", entry not in wanted) for entry in (TORCH, PLOTS)
        )

    monkeypatch.setattr(installation, "package_states", states)
    monkeypatch.setattr(jobs, "DeviceProbe", Probe)
    monkeypatch.setattr(sizes, "torch_build", lambda: "other")
    return wanted


@pytest.fixture
def panel(module: ModuleType, node: Any, missing: list[Requirement]) -> Iterator[Any]:
    made = module.CAMLocalizerWidget()
    yield made
    made.cleanup()


def table(panel: Any) -> list[tuple[str, str]]:
    rows = panel.ui.setUpTable
    return [(rows.item(row, 0).text(), rows.item(row, 1).text()) for row in range(rows.rowCount)]


def test_with_everything_installed_the_page_stays_closed(panel: Any) -> None:
    panel.setup()
    assert panel.ui.setUpSection.collapsed
    assert panel.ui.setUpLabel.text == "Everything is installed."
    assert not panel.ui.installButton.enabled
    assert panel.ui.installButton.toolTip == "Everything is installed."


def test_what_is_missing_opens_the_page_and_keeps_run_disabled(panel: Any, missing: list[Requirement]) -> None:
    missing.append(TORCH)
    panel.setup()
    assert not panel.ui.setUpSection.collapsed
    assert panel.ui.setUpLabel.text.startswith("Missing: the PyTorch extension, torch. The download is about ")
    assert table(panel)[:2] == [("torch, 0.2 GB", "missing"), ("matplotlib", "3.9.2")]
    assert not panel.ui.runButton.enabled
    assert panel.ui.runButton.toolTip == "torch is not installed; see Set-up below."


def test_devices_are_shown_when_they_are_known(panel: Any, missing: list[Requirement]) -> None:
    panel.setup()
    panel.ui.setUpSection.collapsed = False
    assert ("Devices", "searching…") in table(panel)
    panel.panel.setup_page.probe_timer.fire()
    panel.panel.setup_page.probe_timer.fire()
    assert ("cuda:0", "(Card): 4.0 of 8.0 GiB free") in table(panel)
    assert not panel.panel.setup_page.probe_timer.active


def test_a_closed_panel_does_not_wait_for_devices(module: ModuleType, node: Any, missing: list[Requirement]) -> None:
    panel = module.CAMLocalizerWidget()
    panel.setup()
    panel.ui.checkButton.click()
    probe = panel.panel.setup_page.probe
    panel.cleanup()
    assert probe.cancelled


def test_nothing_is_installed_without_consent(
    panel: Any, missing: list[Requirement], monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer

    missing.append(PLOTS)
    panel.setup()
    monkeypatch.setattr(
        panel.panel.setup_page.installer, "install", lambda *_: pytest.fail("installed without consent")
    )
    slicer.app.answer = False
    panel.ui.installButton.click()
    assert slicer.app.questions == [
        "Missing: matplotlib. The download is about 25 MB and takes about 1 min; 0.1 GB on disk. "
        "Install into Slicer's Python now?"
    ]


def test_installing_never_replaces_slicers_own_packages(
    panel: Any, missing: list[Requirement], monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer

    calls: list[tuple[list[str], list[str], dict[str, Any]]] = []

    def pip_ensure(wanted: list[str], constraints: Path, **options: Any) -> None:
        calls.append((wanted, constraints.read_text().splitlines(), options))
        missing.clear()

    monkeypatch.setattr(slicer, "packaging", SimpleNamespace(pip_ensure=pip_ensure), raising=False)
    missing.append(PLOTS)
    panel.setup()
    panel.ui.installButton.click()
    ((wanted, constraints, options),) = calls
    assert wanted == ["matplotlib>=3.8,<4"]
    assert f"numpy=={importlib.metadata.version('numpy')}" in constraints
    assert {line.split("==")[0] for line in constraints} <= {"numpy", "scipy", "SimpleITK", "pydicom"}
    assert options == {"prompt_install": False, "requester": "CAM Localizer"}
    assert panel.ui.setUpSection.collapsed
    assert panel.ui.runButton.enabled


def test_older_slicers_install_with_the_same_constraints(
    panel: Any, missing: list[Requirement], monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer

    calls: list[list[str]] = []
    monkeypatch.delattr(slicer, "packaging", raising=False)
    monkeypatch.setattr(slicer.util, "pip_install", calls.append, raising=False)
    missing.append(PLOTS)
    panel.setup()
    panel.ui.installButton.click()
    ((flag, _file, wanted),) = calls
    assert (flag, wanted) == ("-c", "matplotlib>=3.8,<4")


def test_torch_comes_by_the_pytorch_extension_under_constraints(
    panel: Any, missing: list[Requirement], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, str]] = []

    class Logic:
        def installTorch(self, *, askConfirmation: bool, torchVersionRequirement: str) -> None:  # noqa: N802, N803
            assert not askConfirmation
            calls.append((torchVersionRequirement, Path(os.environ["PIP_CONSTRAINT"]).read_text()))

    monkeypatch.setitem(sys.modules, "PyTorchUtils", SimpleNamespace(PyTorchUtilsLogic=Logic))
    monkeypatch.setenv("PIP_CONSTRAINT", "before")
    missing.append(TORCH)
    panel.setup()
    panel.ui.installButton.click()
    ((wanted, constraints),) = calls
    assert wanted == ">=2.4"
    assert "numpy==" in constraints
    assert os.environ["PIP_CONSTRAINT"] == "before"


def test_without_the_pytorch_extension_the_panel_says_where_to_get_it(
    panel: Any, missing: list[Requirement], monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer

    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    missing.append(TORCH)
    panel.setup()
    panel.ui.installButton.click()
    assert "Extensions Manager" in slicer.app.errors[0]


def test_the_report_is_copied_without_names_of_folders(panel: Any) -> None:
    import qt

    panel.setup()
    panel.ui.copyReportButton.click()
    (report,) = qt.QApplication.clipboard().texts
    assert "Slicer: 5.12.0" in report
    assert "matplotlib 3.9.2" in report
    assert str(Path.home()) + os.sep not in report


def test_a_missing_package_of_the_library_leaves_the_page_alone_to_be_used(
    panel: Any, missing: list[Requirement], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "CAMLocalizerLib.workbench", None)
    missing.append(PLOTS)
    panel.setup()
    assert panel.panel.workbench is None
    assert "see Set-up below" in panel.ui.statusLabel.text
    assert panel.ui.installButton.enabled
    panel.enter()
    panel.exit()


def test_an_old_python_is_told_in_a_sentence(panel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 10))
    panel.setup()
    assert panel.ui.statusLabel.text == "This Slicer has Python 3.9; CAM Localizer needs Slicer 5.10 or later."
    assert panel.panel is None
    panel.enter()
    panel.exit()


def test_what_comes_is_told_before_the_question(
    panel: Any, missing: list[Requirement], monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer

    missing.extend([TORCH, PLOTS])
    slicer.app.answer = False
    panel.setup()
    told = panel.ui.setUpLabel.text
    assert told == (
        "Missing: the PyTorch extension, torch, matplotlib. The download is about 0.2 GB and takes about 1 min; "
        "0.9 GB on disk."
    )
    panel.ui.installButton.click()
    assert slicer.app.questions == [f"{told} Install into Slicer's Python now?"]


def test_everything_comes_from_a_folder_of_wheels_without_a_network(
    panel: Any, missing: list[Requirement], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import slicer

    calls: list[list[str]] = []
    monkeypatch.setattr(slicer.util, "pip_install", calls.append, raising=False)
    missing.extend([TORCH, PLOTS])
    (tmp_path / "torch-2.6.0-py3-none-any.whl").touch()
    panel.setup()
    panel.ui.offlineCheckBox.click()
    assert not panel.ui.installButton.enabled
    assert panel.ui.installButton.toolTip.endswith("Choose the folder that the wheels were downloaded to.")
    panel.ui.wheelsFolderButton.directory = str(tmp_path)
    assert panel.ui.setUpLabel.text.endswith(f"They are installed from {tmp_path}, without a network.")
    panel.ui.installButton.click()
    ((*source, constraint, _file, torch, plots),) = calls
    assert source == ["--no-index", "--find-links", str(tmp_path)]
    assert (constraint, torch, plots) == ("-c", "torch>=2.4", "matplotlib>=3.8,<4")


def test_a_folder_without_wheels_is_told(panel: Any, missing: list[Requirement], tmp_path: Path) -> None:
    import slicer

    missing.append(PLOTS)
    panel.setup()
    panel.ui.offlineCheckBox.checked = True
    panel.ui.wheelsFolderButton.directory = str(tmp_path)
    panel.ui.installButton.click()
    assert f"{tmp_path} holds no wheel (.whl)" in slicer.app.errors[0]


def test_the_pytorch_extension_is_installed_in_the_same_step(
    panel: Any, missing: list[Requirement], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import slicer

    module = "class PyTorchUtilsLogic:\n    def installTorch(self, **options):\n        assert len(options) == 2\n"
    asked: list[tuple[str, bool, bool]] = []

    class Extensions:
        interactive, installed = True, False

        def isExtensionInstalled(self, _name: str) -> bool:  # noqa: N802
            return self.installed

        def installExtensionFromServer(self, name: str, restart: bool, update: bool) -> None:  # noqa: N802
            asked.append((name, restart, update))
            (tmp_path / "PyTorchUtils.py").write_text(module)
            self.installed = True

        def extensionModulePaths(self, _name: str) -> list[str]:  # noqa: N802
            return [str(tmp_path)]

    manager = Extensions()
    monkeypatch.setattr(slicer.app, "extensionsManagerModel", lambda: manager, raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    missing.append(TORCH)
    panel.setup()
    panel.ui.installButton.click()
    monkeypatch.delitem(sys.modules, "PyTorchUtils")
    assert asked == [("PyTorch", False, False)]
    assert not manager.interactive
    assert slicer.app.errors == []


def test_only_devices_of_this_computer_are_offered(panel: Any, missing: list[Requirement]) -> None:
    panel.setup()
    devices = panel.ui.deviceSelector
    assert [devices.itemData(index) for index in range(devices.count)] == ["auto", "cpu"]
    panel.panel.setup_page.start_timer.fire()
    panel.panel.setup_page.probe_timer.fire()
    panel.panel.setup_page.probe_timer.fire()
    assert [devices.itemData(index) for index in range(devices.count)] == ["auto", "cpu", "cuda"]
    devices.currentIndex = 2
    assert panel.panel.workbench.device == "cuda"


def test_a_device_that_a_scene_brought_from_another_computer_is_replaced(
    panel: Any, missing: list[Requirement], module: ModuleType
) -> None:
    panel.setup()
    panel.panel.parameter_node.device = module.Device.MPS
    panel.panel.devices.offer({"cpu"})
    assert panel.panel.parameter_node.device is module.Device.AUTO
    assert panel.ui.deviceSelector.currentIndex == 0
