"""Installation: required packages, their installed versions and a set-up report; this package installs nothing."""

from .packages import PackageState, missing_packages, package_states
from .report import setup_report
from .requirement import TORCH, Requirement, requirements
from .sizes import InstallationSize, installation_size

__all__ = [
    "TORCH",
    "InstallationSize",
    "PackageState",
    "Requirement",
    "installation_size",
    "missing_packages",
    "package_states",
    "requirements",
    "setup_report",
]
