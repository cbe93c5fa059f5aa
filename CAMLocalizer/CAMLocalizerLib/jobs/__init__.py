"""Jobs: run the classifier in a separate process, with progress, cancellation and errors in one sentence."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .device_report import Device, DeviceProbe, DeviceReport, devices
    from .failure import JobError
    from .job import LocalizationJob
    from .launcher import Launched, Launcher, append_line, python_command, start_process
    from .progress import JobProgress

__all__ = [
    "Device",
    "DeviceProbe",
    "DeviceReport",
    "JobError",
    "JobProgress",
    "Launched",
    "Launcher",
    "LocalizationJob",
    "append_line",
    "devices",
    "python_command",
    "start_process",
]

# A child must announce its identity before anything heavy is imported, so that it can be cancelled at any time.
_MODULES = {
    "device_report": ("Device", "DeviceProbe", "DeviceReport", "devices"),
    "failure": ("JobError",),
    "job": ("LocalizationJob",),
    "launcher": ("Launched", "Launcher", "append_line", "python_command", "start_process"),
    "progress": ("JobProgress",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value
