"""The set-up report, to be copied into a message when something does not work."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path

from ..version import VERSION
from .packages import PackageState


def setup_report(
    devices: Iterable[object],
    states: Iterable[PackageState],
    *,
    models: Iterable[str] = (),
    slicer_version: str = "",
    problem: str = "",
) -> str:
    """Describe the installation in plain text, without user names or home folders.

    Args:
        devices: devices that models can run on; ``str`` of each is its line, memory included.
        states: required packages and their installed versions.
        models: names of the model bundles.
        slicer_version: version of Slicer; empty outside Slicer.
        problem: one sentence about what went wrong.
    """
    packages = [str(state) if state.fits else f"{state} - to be installed" for state in states]
    slicer = [("Slicer", slicer_version)] if slicer_version else []
    versions = [
        ("CAMLocalizer", VERSION),
        *slicer,
        ("Python", f"{platform.python_version()} ({platform.python_implementation()})"),
        ("System", f"{platform.platform()}, {platform.machine()}"),
    ]
    lines = [
        *(f"{name}: {version}" for name, version in versions),
        *_section("Packages", packages),
        *_section("Devices", [str(device) for device in devices]),
        *_section("Models", [Path(name).name for name in models]),
        *_section("Problem", [problem] if problem else []),
    ]
    return _without_home("\n".join(lines) + "\n")


def _section(title: str, lines: list[str]) -> list[str]:
    if title == "Problem" and not lines:
        return []
    return ["", f"{title}:", *(f"  {line}" for line in lines or ["none"])]


def _without_home(text: str) -> str:
    home = Path.home()
    if home == Path(home.anchor):
        return text
    return text.replace(str(home), "~").replace(home.as_posix(), "~")
