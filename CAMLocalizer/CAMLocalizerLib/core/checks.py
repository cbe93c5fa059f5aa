"""Options that take one of a few names, or scales that a model provides."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .errors import OptionError, SettingsError


def check_choice(option: str, value: str, choices: Collection[str]) -> None:
    """Refuse a value that is not among the names that an option takes.

    Args:
        option: name of the option in Python.
        value: what was given.
        choices: what can be given.

    Raises:
        OptionError: another value.
    """
    if value not in choices:
        raise OptionError(option, f"must be one of {', '.join(choices)}, got {value!r}")


def check_scales(wanted: Iterable[int], available: Iterable[int]) -> None:
    """Refuse scales that a model does not provide, or none at all.

    Args:
        wanted: scales that are to be used.
        available: scales that the model provides.

    Raises:
        SettingsError: such scales.
    """
    chosen, provided = set(wanted), tuple(sorted(available))
    if not chosen:
        raise OptionError("scales", f"must name at least one of {provided}, got none")
    if unknown := tuple(sorted(chosen - set(provided))):
        raise SettingsError(f"unknown scales {unknown}; the model provides {provided}")
