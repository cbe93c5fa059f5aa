"""Devices that a model can run on, with their memory, detected in another process."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass

from .child import ChildProcess
from .failure import JobError
from .launcher import Launcher
from .memory import machine_memory_mb

TIMEOUT_S = 60.0
WAIT_S = 0.05


@dataclass(frozen=True)
class Device:
    """A device that a model can run on.

    Args:
        name: name in requests: ``cpu``, ``cuda:0``, ``mps``.
        kind: ``cpu``, ``cuda`` or ``mps``.
        total_mb: total memory in MiB, that of the machine for the CPU; None if unknown.
        free_mb: free memory in MiB; None if unknown.
        label: name given by the manufacturer.
    """

    name: str
    kind: str
    total_mb: int | None
    free_mb: int | None
    label: str = ""

    def __str__(self) -> str:
        label = f" ({self.label})" if self.label else ""
        if self.total_mb is None:
            return f"{self.name}{label}"
        free = "" if self.free_mb is None else f"{self.free_mb / 1024:.1f} of "
        return f"{self.name}{label}: {free}{self.total_mb / 1024:.1f} GiB{' free' if free else ''}"


@dataclass(frozen=True)
class DeviceReport:
    """Devices that a model can run on.

    Args:
        devices: devices, the CPU first.
        torch_version: version of PyTorch; empty if it cannot be used.
        problem: one sentence why only the CPU is listed; empty without a problem.
    """

    devices: tuple[Device, ...]
    torch_version: str = ""
    problem: str = ""


class DeviceProbe:
    """Detects the devices in another process, so that torch is not imported in this one.

    Args:
        launcher: starts the process; defaults to a plain process.
        timeout_s: the process is ended after this many seconds.
    """

    def __init__(self, *, launcher: Launcher | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self._child = ChildProcess("probe", launcher)
        self._timeout_s = timeout_s
        self._deadline = 0.0
        self._report: DeviceReport | None = None

    def start(self) -> None:
        """Start the detection and return; errors are stored in the report."""
        self._deadline = time.monotonic() + self._timeout_s
        try:
            self._child.start({})
        except JobError as error:
            self._report = DeviceReport((_cpu(),), problem=str(error))

    def poll(self) -> DeviceReport | None:
        """Return the report, None while the detection is running; never waits."""
        if self._report is None and not self._child.running:
            return None
        if self._report is None:
            self._report = self._ask()
            if self._report is not None:
                self._child.stop()
        return self._report

    def _ask(self) -> DeviceReport | None:
        try:
            outcome = self._child.outcome()
        except JobError as error:
            return DeviceReport((_cpu(),), problem=f"PyTorch cannot be used: {error}")
        if outcome is None:
            if time.monotonic() < self._deadline:
                return None
            problem = f"PyTorch did not answer within {self._timeout_s:g} s; only the CPU is known"
            return DeviceReport((_cpu(),), problem=problem)
        if outcome["state"] == "done":
            others = tuple(Device(**values) for values in outcome["devices"])
            return DeviceReport((_cpu(), *others), torch_version=outcome["torch"])
        if outcome["cause"] == "missing":
            return DeviceReport((_cpu(),), problem="PyTorch is not installed; models cannot run before it is")
        return DeviceReport((_cpu(),), problem=f"PyTorch cannot be used: {outcome['message']}")

    def cancel(self) -> None:
        """Cancel the detection and clean up its process and files."""
        self._child.stop()

    def wait(self) -> DeviceReport:
        """Wait for the report."""
        while True:
            if (report := self.poll()) is not None:
                return report
            if not self._child.running:
                self.start()
            time.sleep(WAIT_S)


def devices(*, launcher: Launcher | None = None, timeout_s: float = TIMEOUT_S) -> tuple[Device, ...]:
    """Return the devices that a model can run on, the CPU first; waits for another process.

    Args:
        launcher: starts the process; defaults to a plain process.
        timeout_s: the process is ended after this many seconds.

    Raises:
        JobError: PyTorch is missing, broken or does not answer.
    """
    report = DeviceProbe(launcher=launcher, timeout_s=timeout_s).wait()
    if report.problem:
        raise JobError(report.problem)
    return report.devices


def _cpu() -> Device:
    total, free = machine_memory_mb()
    return Device("cpu", "cpu", total, free, f"{os.cpu_count() or 1} x {platform.machine()}")
