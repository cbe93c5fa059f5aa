"""The library's sentences in another language."""

from __future__ import annotations

from types import ModuleType

import pytest

from _messages import CATALOGUE, catalogue_text


@pytest.fixture
def german(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A window that knows some sentences in German; tests add to them."""
    from CAMLocalizerLib.panel import translation

    known = {
        "Choose a volume first.": "Bitte zuerst einen Scan wählen.",
        "Nothing is running.": "Es läuft nichts.",
        "{0}: no such folder": "{0}: diesen Ordner gibt es nicht",
        "unknown model {0}: give a bundle's folder or one of the bundled models ({1})": "nicht {0}, aber {1}",
        "threshold {0}": "Schwelle {0}",
    }
    monkeypatch.setattr(translation, "translate", lambda _context, text: known.get(text, text))
    translation.translated.cache_clear()
    return known


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Choose a volume first.", "Bitte zuerst einen Scan wählen."),
        ("Choose a volume first. Nothing is running.", "Bitte zuerst einen Scan wählen. Es läuft nichts."),
        ("/data/scans: no such folder", "/data/scans: diesen Ordner gibt es nicht"),
        ("/data/scans: no such folder.", "/data/scans: diesen Ordner gibt es nicht."),
        ("unknown model 'x': give a bundle's folder or one of the bundled models (a, b)", "nicht 'x', aber a, b"),
        ("Unknown model 'x': give a bundle's folder or one of the bundled models (a).", "Nicht 'x', aber a."),
        ("a sentence of somebody else", "a sentence of somebody else"),
        ("", ""),
    ],
)
def test_a_sentence_is_translated_with_its_values(german: dict[str, str], sentence: str, expected: str) -> None:
    from CAMLocalizerLib.panel.translation import translated

    assert translated(sentence) == expected


def test_a_value_is_never_read_as_a_place_for_another_value(german: dict[str, str]) -> None:
    from CAMLocalizerLib.panel.translation import translated

    assert translated("{1}: no such folder") == "{1}: diesen Ordner gibt es nicht"


def test_without_a_translation_every_sentence_stays_as_it_is(module: ModuleType) -> None:
    from CAMLocalizerLib.panel.library_messages import MESSAGES
    from CAMLocalizerLib.panel.translation import translated

    translated.cache_clear()
    assert [text for text in MESSAGES if translated(text) != text] == []


def test_the_catalogue_holds_every_sentence_of_the_library() -> None:
    assert CATALOGUE.read_text(encoding="utf-8") == catalogue_text(), "run: python3 scripts/collect_messages.py"
