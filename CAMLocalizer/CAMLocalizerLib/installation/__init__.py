"""Installation: what must be installed for models to run, what is, and a report of it; nothing is installed here."""

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
