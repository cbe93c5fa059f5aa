"""PackageState: the installed version of a required package, looked up without importing it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import invalidate_caches, metadata

from .requirement import Requirement, requirements
from .versions import version_fits


@dataclass(frozen=True)
class PackageState:
    """A required package and its installed version.

    Args:
        requirement: package and allowed versions.
        found: installed version, empty if there is none.
        fits: whether the installed version is allowed.
    """

    requirement: Requirement
    found: str
    fits: bool

    @property
    def name(self) -> str:
        """Name of the package."""
        return self.requirement.name

    @property
    def wanted(self) -> str:
        """Range of allowed versions; empty for any version."""
        return self.requirement.wanted

    def __str__(self) -> str:
        wanted = f", wanted {self.wanted}" if self.wanted else ""
        return f"{self.name} {self.found or 'missing'}{'' if self.fits else wanted}"


def package_states(wanted: Iterable[Requirement] | None = None) -> tuple[PackageState, ...]:
    """Look up the installed version of each package without importing it.

    Args:
        wanted: packages to look up; by default all packages that models need.

    Raises:
        InputError: the list of required packages is damaged.
    """
    invalidate_caches()
    return tuple(_state(requirement) for requirement in (requirements() if wanted is None else wanted))


def missing_packages(states: Iterable[PackageState] | None = None) -> tuple[Requirement, ...]:
    """Return the packages that must be installed: missing ones and ones with a version that is not allowed.

    Args:
        states: from :func:`package_states`; looked up if not given.
    """
    return tuple(state.requirement for state in (package_states() if states is None else states) if not state.fits)


def _state(requirement: Requirement) -> PackageState:
    try:
        found = str(metadata.version(requirement.name) or "")
    except (metadata.PackageNotFoundError, KeyError):
        found = ""
    return PackageState(requirement, found, bool(found) and version_fits(found, requirement.wanted))
