"""Check versions against ranges."""

from __future__ import annotations


def version_fits(version: str, wanted: str) -> bool:
    """Return whether a version lies in a range such as ``>=2.4,<3``; ``2.6.0+cu124`` counts as ``2.6.0``.

    Pre-releases are compared as such and are allowed within the range. A version that does not follow Python's scheme
    fits no range.
    """
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion

    try:
        return SpecifierSet(wanted).contains(version, prereleases=True)
    except InvalidVersion:
        return False
