"""Names of cases: unique on every file system, the same in every run, and for DICOM without whose they are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from ..core import InputError, SettingsError
from ..io.names import ending
from .source import Source

UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
RESERVED = frozenset({"batch.json", "cases.csv", "summary.csv", "failures.csv", "skipped.csv", "worklist"})
LONGEST = 100
HASH_DIGITS = 12


def name_cases(
    sources: Iterable[Source], known: Mapping[tuple[str, str], str] | None = None
) -> dict[tuple[str, str], str]:
    """Name the case of every source.

    Args:
        sources: in a fixed order; where two would have the same name, the second gets a checksum.
        known: names of earlier runs by :attr:`Source.key`; they stay.

    Returns:
        Names by key, those of ``known`` among them.

    Raises:
        SettingsError: a source that is to have another name than it had, or one that another case has.
    """
    names = dict(known or {})
    taken = {name.casefold() for name in names.values()}
    asked = [source for source in sources if source.key not in names]
    for source in sorted(asked, key=lambda source: not source.case):  # names that were chosen go first
        name = source.case or _derived(source, taken)
        if name.casefold() in taken:
            raise SettingsError(f"{source.file}: its case cannot be called {name!r}, another one is; rename one")
        taken.add(name.casefold())
        names[source.key] = name
    for source in sources:
        if source.case and names[source.key] != source.case:
            raise SettingsError(
                f"{source.file}: was case {names[source.key]!r} so far, now {source.case!r}; "
                "keep the name or choose another --output"
            )
    return names


def check_name(name: str, where: str) -> None:
    """Refuse what cannot be the name of a case folder.

    Raises:
        InputError: an unsafe, hidden, reserved or overlong name.
    """
    if UNSAFE.search(name) or name != _tidy(name) or name.casefold() in RESERVED or len(name) > LONGEST:
        raise InputError(
            f"{where}: case {name!r} cannot be the name of a folder; use letters, digits, - and _, up to {LONGEST}"
        )


def _derived(source: Source, taken: set[str]) -> str:
    if source.dicom:
        name = f"series-{_checksum(source.series or source.file)}"
    else:
        parts = PurePosixPath(source.file).parts
        inside = parts if parts[0] not in ("..", "/") and ":" not in parts[0] else parts[-1:]
        name = _tidy(UNSAFE.sub("_", "-".join([*inside[:-1], _without_ending(inside[-1])]))) or "case"
    if len(name) > LONGEST or name.casefold() in taken or name.casefold() in RESERVED:
        name = f"{name[: LONGEST - HASH_DIGITS - 1]}-{_checksum('|'.join(source.key))}"
    return name


def _without_ending(name: str) -> str:
    return name[: len(name) - len(ending(name))]


def _tidy(name: str) -> str:
    """Take away what hides a folder or what Windows drops."""
    return name.lstrip(". ").rstrip(". ")


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:HASH_DIGITS]
