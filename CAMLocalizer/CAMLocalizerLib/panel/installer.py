"""Installer: packages into Slicer's Python, without replacing what Slicer brings."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..installation import Requirement

SLICERS_OWN = ("numpy", "scipy", "SimpleITK", "pydicom")  # must never be replaced
TORCH = "torch"
EXTENSION, EXTENSION_MODULE = "PyTorch", "PyTorchUtils"


class Installer:
    """Installs what is missing, by Slicer's own means where it has them."""

    def needs_extension(self, missing: Iterable[Requirement]) -> bool:
        """Return whether PyTorch is missing and the extension that installs it, too."""
        wanted = any(each.name == TORCH for each in missing)
        known = sys.modules.get(EXTENSION_MODULE) or importlib.util.find_spec(EXTENSION_MODULE)
        return wanted and known is None and not _extension_paths()

    def install(self, missing: Iterable[Requirement], wheels: Path | None = None) -> None:
        """Install packages; the user was asked before.

        Args:
            missing: of :func:`~CAMLocalizerLib.installation.missing_packages`.
            wheels: folder of wheels to install from, without a network; PyTorch too, whatever its build.

        Raises:
            RuntimeError: the folder holds no wheel, or the extension that installs PyTorch cannot be installed.
        """
        wanted = tuple(missing)
        with tempfile.TemporaryDirectory() as folder:
            constraints = Path(folder) / "constraints.txt"
            constraints.write_text("\n".join(f"{name}=={found}" for name, found in _versions(SLICERS_OWN)))
            if wheels is not None:
                _install_wheels(wanted, wheels, constraints)
                return
            _install_packages([str(each) for each in wanted if each.name != TORCH], constraints)
            for requirement in wanted:
                if requirement.name == TORCH:
                    _install_torch(requirement.wanted, constraints)


def _install_packages(wanted: list[str], constraints: Path) -> None:
    if wanted and hasattr(slicer, "packaging"):
        slicer.packaging.pip_ensure(wanted, constraints, prompt_install=False, requester="CAM Localizer")
    elif wanted:
        slicer.util.pip_install(["-c", str(constraints), *wanted])


def _install_wheels(wanted: Iterable[Requirement], wheels: Path, constraints: Path) -> None:
    if not any(wheels.glob("*.whl")):
        message = _("{folder} holds no wheel (.whl); choose the folder that the wheels were downloaded to.")
        raise RuntimeError(message.format(folder=wheels))
    source = ["--no-index", "--find-links", str(wheels)]
    slicer.util.pip_install([*source, "-c", str(constraints), *(str(each) for each in wanted)])


def _versions(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the installed ones of some packages, each with its version."""
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield name, importlib.metadata.version(name)


def _install_torch(wanted: str, constraints: Path) -> None:
    """Install PyTorch by Slicer's PyTorch extension, which chooses the build for the graphics card."""
    logic = _torch_logic()
    before = os.environ.get("PIP_CONSTRAINT")
    os.environ["PIP_CONSTRAINT"] = str(constraints)
    try:
        logic.installTorch(askConfirmation=False, torchVersionRequirement=wanted)
    finally:
        os.environ.pop("PIP_CONSTRAINT")
        if before is not None:
            os.environ["PIP_CONSTRAINT"] = before


def _torch_logic() -> Any:
    """Return the logic of the PyTorch extension, which is installed first where it is missing.

    A new extension becomes a module of Slicer at the next start; its file can be imported at once.
    """
    with contextlib.suppress(ImportError):
        return importlib.import_module(EXTENSION_MODULE).PyTorchUtilsLogic()
    manager = _extensions()
    if manager is not None and not _extension_paths():
        manager.interactive = False
        manager.installExtensionFromServer(EXTENSION, False, False)  # without a restart
    sys.path += [path for path in _extension_paths() if path not in sys.path]
    try:
        return importlib.import_module(EXTENSION_MODULE).PyTorchUtilsLogic()
    except ImportError as error:
        message = _(
            "The PyTorch extension could not be installed: install it in the Extensions Manager, restart, try again."
        )
        raise RuntimeError(message) from error


def _extensions() -> Any:
    """Return Slicer's list of extensions; None where there is none."""
    manager = getattr(slicer.app, "extensionsManagerModel", None)
    return None if manager is None else manager()


def _extension_paths() -> list[str]:
    """Return the folders of the PyTorch extension's modules; empty if it is not installed."""
    manager = _extensions()
    if manager is None or not manager.isExtensionInstalled(EXTENSION):
        return []
    return [str(path) for path in manager.extensionModulePaths(EXTENSION)]
