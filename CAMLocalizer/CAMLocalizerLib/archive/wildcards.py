"""Values of a query as servers understand them: some take ``%2A`` for three characters rather than for ``*``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

ANY_CHARACTER = "?"
_PLAIN = re.compile(r"[^A-Za-z0-9._~*?,:/@!$'();=\\-]")
_ENCODED_WILDCARDS = {"%2A": "*", "%3F": "?"}


def with_wildcards(url: str) -> str:
    """Return an address whose wildcards are not percent-encoded, which they need not be.

    Source: RFC 3986, section 3.4.
    """
    for encoded, character in _ENCODED_WILDCARDS.items():
        url = url.replace(encoded, character)
    return url


def loosened(conditions: Mapping[str, str]) -> dict[str, str]:
    """Replace each character that has to be percent-encoded by ``?``; empty if there is none.

    Orthanc 1.10 does not decode percent-encoding, so that it finds neither a name with ``^`` nor one with a space.
    """
    looser = {key: _PLAIN.sub(ANY_CHARACTER, value) for key, value in conditions.items()}
    return {} if looser == dict(conditions) else looser


def fits(found: Mapping[str, Any], conditions: Mapping[str, str]) -> bool:
    """Tell whether an entry of a search, as DICOM JSON, fits conditions; what it does not tell counts as fitting."""
    return all(_fits(found, key, value) for key, value in conditions.items())


def _fits(found: Mapping[str, Any], key: str, value: str) -> bool:
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(key)
    entry = found.get(key.upper() if tag is None else f"{tag:08X}", {})
    texts = [text.get("Alphabetic", "") if isinstance(text, dict) else str(text) for text in entry.get("Value") or []]
    pattern = value.casefold().replace("[", "[[]")
    return not texts or _PLAIN.search(value) is None or any(fnmatchcase(text.casefold(), pattern) for text in texts)
