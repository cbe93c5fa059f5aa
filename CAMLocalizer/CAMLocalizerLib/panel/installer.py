"""Installer: packages into Slicer's Python, without replacing what Slicer brings."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from ..installation import Requirement

SLICERS_OWN = ("numpy", "scipy", "SimpleITK", "pydicom")  # must never be replaced
TORCH = "torch"


class Installer:
    """Installs what is missing, by Slicer's own means where it has them."""

    def install(self, missing: Iterable[Requirement]) -> None:
        """Install packages; the user was asked before.

        Args:
            missing: of :func:`~CAMLocalizerLib.installation.missing_packages`.

        Raises:
            RuntimeError: PyTorch is among them and the extension that installs it is missing.
        """
        wanted = tuple(missing)
        others = [str(requirement) for requirement in wanted if requirement.name != TORCH]
        with tempfile.TemporaryDirectory() as folder:
            constraints = Path(folder) / "constraints.txt"
            constraints.write_text("\n".join(f"{name}=={found}" for name, found in _versions(SLICERS_OWN)))
            if others and hasattr(slicer, "packaging"):
                slicer.packaging.pip_ensure(others, constraints, prompt_install=False, requester="CAM Localizer")
            elif others:
                slicer.util.pip_install(["-c", str(constraints), *others])
            for requirement in wanted:
                if requirement.name == TORCH:
                    _install_torch(requirement.wanted, constraints)


def _versions(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the installed ones of some packages, each with its version."""
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield name, importlib.metadata.version(name)


def _install_torch(wanted: str, constraints: Path) -> None:
    """Install PyTorch by Slicer's PyTorch extension, which chooses the build for the graphics card."""
    try:
        from PyTorchUtils import PyTorchUtilsLogic
    except ImportError as error:
        message = _(
            "PyTorch comes with the PyTorch extension: install it in the Extensions Manager, restart, try again."
        )
        raise RuntimeError(message) from error
    before = os.environ.get("PIP_CONSTRAINT")
    os.environ["PIP_CONSTRAINT"] = str(constraints)
    try:
        PyTorchUtilsLogic().installTorch(askConfirmation=False, torchVersionRequirement=wanted)
    finally:
        os.environ.pop("PIP_CONSTRAINT")
        if before is not None:
            os.environ["PIP_CONSTRAINT"] = before
