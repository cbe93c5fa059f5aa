"""The library's sentences in the language of the window.

The library writes English sentences with their values in them, which the command line and the browser show as they
are. The panel finds the sentence in a catalogue, has Slicer translate it without its values, and puts the values in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache

from slicer.i18n import translate

from .library_messages import MESSAGES

CONTEXT = "panel.library_messages"  # what Slicer calls the file of the catalogue
VALUE = re.compile(r"\{(\d+)\}")
REMEMBERED = 256
SHORT = 6  # letters beside the values
SENTENCE_END = re.compile(r"(?<=[.!?…]) +(?=\S)")


@lru_cache(REMEMBERED)
def translated(text: str) -> str:
    """Return a text of the library in the language of the window; one that is not in the catalogue stays as it is.

    Args:
        text: a sentence, or several after each other.
    """
    if (found := _translate_whole(text)) is not None:
        return found
    sentences = SENTENCE_END.split(text)
    return " ".join(map(translated, sentences)) if len(sentences) > 1 else text


def _translate_whole(text: str) -> str | None:
    for changed, restore in _forms(text):
        for message, pattern, longest in _patterns():
            if longest in changed and (match := pattern.fullmatch(changed)):
                values = [translated(value) for value in match.groups()]
                return restore(_filled(translate(CONTEXT, message), values))
    return None


def _forms(text: str) -> Iterator[tuple[str, Callable[[str], str]]]:
    """Yield a text and how the library may have written it before it was shown as a sentence."""
    yield text, str
    yield f"{text} ", str.strip  # a value at its end is empty
    if text.endswith("."):
        yield text[:-1], lambda found: f"{found}."
    small = f"{text[:1].lower()}{text[1:]}"
    if small != text:
        yield small, _capitalised
        yield small.removesuffix("."), lambda found: f"{_capitalised(found)}."


def _capitalised(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _filled(message: str, values: list[str]) -> str:
    return VALUE.sub(lambda match: values[int(match[1])], message)


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Return messages, the sentences that they stand for and the longest fixed part of each; the fullest first."""
    ordered = sorted(MESSAGES, key=lambda message: -len(VALUE.sub("", message)))
    return tuple((message, _pattern(message), max(VALUE.split(message)[::2], key=len)) for message in ordered)


def _pattern(message: str) -> re.Pattern[str]:
    """Return what matches the sentences of a message; where it is short, with single words as values only."""
    parts = VALUE.split(message)[::2]
    value = "(.*?)" if sum(map(str.isalpha, "".join(parts))) >= SHORT else r"(\S*?)"
    return re.compile(value.join(map(re.escape, parts)), re.DOTALL)
