"""PackageState: what is installed of what is wanted, found out without importing it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import invalidate_caches, metadata

from .requirement import Requirement, requirements
from .versions import version_fits


@dataclass(frozen=True)
class PackageState:
    """A package that is wanted, and what there is of it.

    Args:
        requirement: what is wanted.
        found: installed version, empty if there is none.
        fits: whether that version will do.
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
        """Range of versions that will do; empty for any."""
        return self.requirement.wanted

    def __str__(self) -> str:
        wanted = f", wanted {self.wanted}" if self.wanted else ""
        return f"{self.name} {self.found or 'missing'}{'' if self.fits else wanted}"


def package_states(wanted: Iterable[Requirement] | None = None) -> tuple[PackageState, ...]:
    """Look up what is installed, as of now; imports nothing.

    Args:
        wanted: packages to look for; all that models need if not given.

    Raises:
        InputError: the list of packages is damaged.
    """
    invalidate_caches()
    return tuple(_state(requirement) for requirement in (requirements() if wanted is None else wanted))


def missing_packages(states: Iterable[PackageState] | None = None) -> tuple[Requirement, ...]:
    """Return what has to be installed: packages that are missing or of a version that will not do.

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
