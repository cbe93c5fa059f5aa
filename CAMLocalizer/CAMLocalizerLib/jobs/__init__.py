"""Jobs: the classifier in a process of its own, with progress, cancel, and crashes told in a sentence."""

from .devices import Device, DeviceProbe, DeviceReport, devices
from .failure import JobError
from .job import LocalizationJob
from .launcher import Launched, Launcher, append_line, python_command, start_process
from .progress import JobProgress
from .request import Request

__all__ = [
    "Device",
    "DeviceProbe",
    "DeviceReport",
    "JobError",
    "JobProgress",
    "Launched",
    "Launcher",
    "LocalizationJob",
    "Request",
    "append_line",
    "devices",
    "python_command",
    "start_process",
]
