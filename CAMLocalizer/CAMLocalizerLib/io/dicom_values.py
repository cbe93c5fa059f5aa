"""Read values of DICOM attributes, with errors that name the attribute."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..core import InputError

if TYPE_CHECKING:
    from pydicom import Dataset


def with_tag(keyword: str) -> str:
    """Return a keyword with its tag: ``PatientID (0010,0020)``."""
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword) or 0
    return f"{keyword} ({tag >> 16:04X},{tag & 0xFFFF:04X})"


def text_value(header: Dataset, keyword: str) -> str:
    """Return an attribute as text.

    Raises:
        InputError: the attribute is missing or empty.
    """
    value = header.get(keyword)
    if value is None or str(value).strip() == "":
        raise InputError(missing_message(keyword))
    return str(value).strip()


def text_values(header: Dataset, keyword: str) -> list[str]:
    """Return the values of a multi-valued attribute as text; raises as :func:`text_value`."""
    value = header.get(keyword)
    if value is None or value == "":
        raise InputError(missing_message(keyword))
    return [str(value)] if isinstance(value, str) else [str(entry) for entry in value]


def number_value(header: Dataset, keyword: str) -> float:
    """Return an attribute as a number.

    Raises:
        InputError: the attribute is missing, empty or not a number.
    """
    try:
        return float(text_value(header, keyword))
    except ValueError:
        raise InputError(f"{with_tag(keyword)} is not a number; correct the header") from None


def positive_value(header: Dataset, keyword: str) -> float:
    """Return an attribute as a positive number.

    Raises:
        InputError: the attribute is missing, empty, not a number, not finite, 0 or negative.
    """
    value = number_value(header, keyword)
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{with_tag(keyword)} is {value:g}; a positive number is needed for SUV")
    return value


def missing_message(keyword: str) -> str:
    """Return the error message for a PET that lacks an attribute."""
    return f"{with_tag(keyword)} is missing; SUV cannot be computed without it"


def private_text(header: Dataset, tag: tuple[int, int]) -> str:
    """Return a private attribute as text, empty if missing."""
    element = header.get(tag)
    value = "" if element is None or element.value is None else element.value
    return value.decode("ascii", "ignore").strip("\0 ") if isinstance(value, bytes) else str(value).strip()


def private_number(header: Dataset, tag: tuple[int, int]) -> float:
    """Return a private attribute as a number, 0 if missing."""
    try:
        return float(private_text(header, tag) or 0.0)
    except ValueError:
        return 0.0
