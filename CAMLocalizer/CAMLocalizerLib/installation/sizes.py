"""How much an installation downloads and how long that takes, before anything is downloaded."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from .requirement import TORCH, Requirement

# Megabytes to download and on disk, of a package with what it brings. Packages and the build without a graphics card
# were measured on Linux, those for NVIDIA and macOS follow from the sizes of their wheels.
TORCH_MB = {"nvidia": (3000, 6800), "darwin": (80, 300), "other": (200, 850)}
PACKAGE_MB = {
    "jinja2": (1, 3),
    "matplotlib": (25, 100),
    "safetensors": (1, 2),
    "scikit-image": (17, 60),
    "tqdm": (1, 1),
}
UNKNOWN_MB = (10, 30)
MB_PER_GB = 1000
DOWNLOAD_MB_PER_S = 6.0  # 50 Mbit/s
UNPACK_MB_PER_S = 40.0
SECONDS_PER_MINUTE = 60


@dataclass(frozen=True)
class InstallationSize:
    """What an installation takes.

    Args:
        download_mb: megabytes to download.
        disk_mb: megabytes on disk.
    """

    download_mb: float
    disk_mb: float

    @property
    def minutes(self) -> int:
        """About how many minutes it takes at 50 Mbit/s, at least one."""
        seconds = self.download_mb / DOWNLOAD_MB_PER_S + self.disk_mb / UNPACK_MB_PER_S
        return max(1, round(seconds / SECONDS_PER_MINUTE))

    @property
    def download_text(self) -> str:
        """The download in words, such as ``2.7 GB``."""
        return _in_words(self.download_mb)

    @property
    def disk_text(self) -> str:
        """The space on disk in words."""
        return _in_words(self.disk_mb)


def installation_size(missing: Iterable[Requirement], kind: str | None = None) -> InstallationSize:
    """Estimate what the installation of packages takes.

    Args:
        missing: the packages.
        kind: of PyTorch's build, a key of :data:`TORCH_MB`; that of this computer if not given.
    """
    build = torch_build() if kind is None else kind
    sizes = [TORCH_MB[build] if each.name == TORCH.name else PACKAGE_MB.get(each.name, UNKNOWN_MB) for each in missing]
    return InstallationSize(sum(size[0] for size in sizes), sum(size[1] for size in sizes))


def torch_build() -> str:
    """Return which build of PyTorch suits this computer: a key of :data:`TORCH_MB`."""
    if platform.system() == "Darwin":
        return "darwin"
    return "nvidia" if shutil.which("nvidia-smi") else "other"


def _in_words(megabytes: float) -> str:
    if megabytes >= MB_PER_GB / 10:
        return f"{megabytes / MB_PER_GB:.1f} GB"
    return f"{max(1, round(megabytes))} MB"
