"""Whether a version lies in a range."""

from __future__ import annotations


def version_fits(version: str, wanted: str) -> bool:
    """Tell whether a version lies in a range such as ``>=2.4,<3``; builds such as ``2.6.0+cu124`` count as ``2.6.0``.

    Pre-releases count as what they are, and are good enough if they lie in the range. A version that is not one of
    Python's fits no range.
    """
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion

    try:
        return SpecifierSet(wanted).contains(version, prereleases=True)
    except InvalidVersion:
        return False
