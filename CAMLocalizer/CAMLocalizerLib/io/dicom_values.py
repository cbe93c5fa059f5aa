"""Values of DICOM attributes, or an error that names the attribute."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..core import InputError

if TYPE_CHECKING:
    from pydicom import Dataset


def tagged(keyword: str) -> str:
    """Return a keyword with its tag: ``PatientID (0010,0020)``."""
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword) or 0
    return f"{keyword} ({tag >> 16:04X},{tag & 0xFFFF:04X})"


def text(header: Dataset, keyword: str) -> str:
    """Return an attribute as text.

    Raises:
        InputError: it is missing or empty.
    """
    value = header.get(keyword)
    if value is None or str(value).strip() == "":
        raise InputError(missing(keyword))
    return str(value).strip()


def texts(header: Dataset, keyword: str) -> list[str]:
    """Return the values of an attribute as texts; raises as :func:`text`."""
    value = header.get(keyword)
    if value is None or value == "":
        raise InputError(missing(keyword))
    return [str(value)] if isinstance(value, str) else [str(entry) for entry in value]


def number(header: Dataset, keyword: str) -> float:
    """Return an attribute as a number.

    Raises:
        InputError: it is missing, empty or not a number.
    """
    try:
        return float(text(header, keyword))
    except ValueError:
        raise InputError(f"{tagged(keyword)} is not a number; correct the header") from None


def positive(header: Dataset, keyword: str) -> float:
    """Return an attribute as a positive number.

    Raises:
        InputError: it is missing, empty, not a number, not finite, 0 or negative.
    """
    value = number(header, keyword)
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{tagged(keyword)} is {value:g}; a positive number is needed for SUV")
    return value


def missing(keyword: str) -> str:
    """Word the refusal of a PET without an attribute."""
    return f"{tagged(keyword)} is missing; SUV cannot be computed without it"


def private_text(header: Dataset, tag: tuple[int, int]) -> str:
    """Return a private attribute as text, empty where there is none."""
    element = header.get(tag)
    value = "" if element is None or element.value is None else element.value
    return value.decode("ascii", "ignore").strip("\0 ") if isinstance(value, bytes) else str(value).strip()


def private_number(header: Dataset, tag: tuple[int, int]) -> float:
    """Return a private attribute as a number, 0 where there is none."""
    try:
        return float(private_text(header, tag) or 0.0)
    except ValueError:
        return 0.0
