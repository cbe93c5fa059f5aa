"""Installation: required packages, their installed versions and a set-up report; this package installs nothing."""

from .packages import PackageState, missing_packages, package_states
from .report import setup_report
from .requirement import TORCH, Requirement, requirements

__all__ = [
    "TORCH",
    "PackageState",
    "Requirement",
    "missing_packages",
    "package_states",
    "requirements",
    "setup_report",
]
