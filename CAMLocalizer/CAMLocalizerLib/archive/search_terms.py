"""What a reader types to search an archive, as conditions of a query."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..core import SettingsError
from .address import is_uid

ISO_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
DATES = re.compile(r"\d{8}(-(\d{8})?)?|-\d{8}")


def search_terms(*, date: str = "", modality: str = "", description: str = "", number: str = "") -> tuple[str, ...]:
    """Return conditions such as ``Modality=MR``; an empty field makes none.

    Args:
        date: of the study, ``20260131`` or ``2026-01-31``, or a range such as ``20260101-20260131`` or ``20260101-``.
        modality: ``MR``, ``CT``, ``PT``, ...
        description: of the study; it may stand anywhere in it unless ``*`` or ``?`` are given.
        number: AccessionNumber or StudyInstanceUID.

    Raises:
        SettingsError: a date of another form.
    """
    found = {
        "StudyDate": _dates(date),
        "Modality": modality.strip().upper(),
        "StudyDescription": _anywhere(description.strip()),
        "StudyInstanceUID" if "." in number and is_uid(number.strip()) else "AccessionNumber": number.strip(),
    }
    return tuple(f"{key}={value}" for key, value in found.items() if value)


def replaced_conditions(conditions: Iterable[str], terms: Iterable[str]) -> tuple[str, ...]:
    """Return conditions in which terms take the place of those of the same key."""
    return tuple({text.partition("=")[0].strip(): text for text in (*conditions, *terms)}.values())


def _dates(text: str) -> str:
    dates = re.sub(r"\s", "", ISO_DATE.sub(r"\1\2\3", text))
    if dates and not DATES.fullmatch(dates):
        raise SettingsError(f"the date of a study must be like 20260131 or 20260101-20260131, got {text.strip()!r}")
    return dates


def _anywhere(text: str) -> str:
    return text if not text or set(text) & set("*?") else f"*{text}*"
