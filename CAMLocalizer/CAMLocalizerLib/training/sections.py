"""Reading the sections of a configuration file into dataclasses, collecting every wrong key and value."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from ..core import InputError
from .checks import Problems, did_you_mean

# What a field's annotation asks for: types that are taken, and the words for them.
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "text"),
    "bool": ((bool,), "true or false"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "int | str": ((int, str), "a whole number or text"),
    "tuple[int, ...]": ((list, tuple), "a list of whole numbers"),
    "tuple[int, int]": ((list, tuple), "two whole numbers"),
    "tuple[str, ...]": ((list, tuple), "a list of texts"),
    "Mapping[str, Any]": ((dict,), "a table of settings"),
}


def read_values(path: Path) -> dict[str, Any]:
    """Read a TOML file, or a JSON one if its name ends so.

    Raises:
        InputError: the file is missing or cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give a configuration in TOML or JSON") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as {path.suffix.lstrip('.').upper() or 'TOML'} ({error})") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: must hold sections such as [data], got {type(values).__name__}")
    return values


def checked_section(name: str, kind: type, values: Any, problems: Problems) -> dict[str, Any]:
    """Return the entries of a section that are right, as the dataclass ``kind`` takes them, and note the others."""
    if not isinstance(values, dict):
        problems.add(f"[{name}] must be a section, got {values!r}")
        return {}
    known = {entry.name: entry for entry in fields(kind)}
    found = {}
    for key, value in values.items():
        if key not in known:
            problems.add(f"[{name}] has the unknown key {key!r}{did_you_mean(key, known)}")
        elif _fits(known[key], value):
            found[key] = tuple(value) if isinstance(value, list) else value
        else:
            problems.add(f"[{name}] {key} must be {_words(known[key])}, got {value!r}")
    for key, entry in known.items():
        if key not in values and entry.default is MISSING and entry.default_factory is MISSING:
            problems.add(f"[{name}] lacks {key}: {_words(entry)}")
    return found


def _annotation(entry: Field[Any]) -> str:
    return str(entry.type).removesuffix(" | None")


def _words(entry: Field[Any]) -> str:
    return _KINDS[_annotation(entry)][1]


def _fits(entry: Field[Any], value: Any) -> bool:
    annotation = _annotation(entry)
    types: Any = _KINDS[annotation][0]
    if value is None:
        return str(entry.type).endswith(" | None")
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        return False
    if not annotation.startswith("tuple"):
        return True
    inner, entries = (str if "str" in annotation else int), list(value)
    right = all(isinstance(each, inner) and not isinstance(each, bool) for each in entries)
    return right and (annotation != "tuple[int, int]" or len(entries) == 2)


def unknown_sections(values: Mapping[str, Any], known: Mapping[str, Any], problems: Problems) -> None:
    """Note sections that no configuration has."""
    for name in values:
        if name not in known:
            problems.add(f"unknown section [{name}]{did_you_mean(name, known)}")
