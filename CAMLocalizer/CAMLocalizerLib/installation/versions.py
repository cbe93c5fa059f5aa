"""Whether a version lies in a range."""

from __future__ import annotations

import re
from itertools import zip_longest


def version_fits(version: str, wanted: str) -> bool:
    """Tell whether a version lies in a range such as ``>=2.4,<3``; builds such as ``2.6.0+cu124`` count as ``2.6.0``.

    Pre-releases count as what they are, and are good enough if they lie in the range.
    """
    try:
        from packaging.specifiers import InvalidSpecifier, SpecifierSet
        from packaging.version import InvalidVersion
    except ImportError:
        return fits_by_numbers(version, wanted)
    try:
        return SpecifierSet(wanted).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return fits_by_numbers(version, wanted)


def fits_by_numbers(version: str, wanted: str) -> bool:
    """Tell the same by the numbers of the versions alone, for where ``packaging`` is missing."""
    numbers, parts = _numbers(version), [part.strip() for part in wanted.split(",") if part.strip()]
    return all(numbers and _fits_part(numbers, part) for part in parts)


def _fits_part(version: list[int], part: str) -> bool:
    match = re.match(r"(===|==|~=|!=|<=|>=|<|>)\s*(.*)", part)
    if match is None:
        return False
    operator, text = match.groups()
    limit = _numbers(text)
    if text.endswith(".*"):
        same = version[: len(limit)] == limit
        return same if operator == "==" else not same
    order = _compare(version, limit)
    if operator == "~=":
        return order >= 0 and version[: len(limit) - 1] == limit[:-1]
    return {
        "===": order == 0,
        "==": order == 0,
        "!=": order != 0,
        "<": order < 0,
        "<=": order <= 0,
        ">": order > 0,
        ">=": order >= 0,
    }[operator]


def _numbers(text: str) -> list[int]:
    release = re.match(r"v?(\d+(?:\.\d+)*)", text.strip())
    return [int(number) for number in release[1].split(".")] if release else []


def _compare(one: list[int], other: list[int]) -> int:
    for left, right in zip_longest(one, other, fillvalue=0):
        if left != right:
            return 1 if left > right else -1
    return 0
