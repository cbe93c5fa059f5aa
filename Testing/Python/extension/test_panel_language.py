"""Every sentence of the panel in an invented language: what is not in brackets was not translated."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import stand_ins
from qt_stand_ins import Widget, ui_widgets

UI_FILE = stand_ins.MODULE_FOLDER / "Resources" / "UI" / "CAMLocalizer.ui"
SHOWN = ("text", "toolTip", "format")
# Names, units and sides that are the same in every language.
VALUES = re.compile(
    r"blob|Tumour \d+|ml|mm|GB|MB|SUV\w*|MTV|TLG|g/ml|PET|MR\b|CT\b|[LRAPSI] |torch|cpu|cuda\S*|\d|/\S*"
)


def bracketed(text: str) -> str:
    """Return a text as the invented language has it."""
    return f"⟦{text}⟧" if text else ""


def untranslated(text: str) -> str:
    """Return what of a text is outside of brackets, but for values; empty if everything was translated."""
    while "⟦" in text:
        fewer = re.sub(r"⟦[^⟦⟧]*⟧", "", text)
        assert fewer != text, f"brackets are left open in {text!r}"
        text = fewer
    return "".join(re.findall(r"[A-Za-z]{2,}.*", VALUES.sub("", text)))


@pytest.fixture
def panel(application: Any, node: Any, job: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The panel in the invented language; a cell of a table and an entry of a list speak it, too."""
    stand_ins.register(monkeypatch)
    language = sys.modules["slicer.i18n"]
    monkeypatch.setattr(language, "tr", bracketed)
    monkeypatch.setattr(language, "translate", lambda _context, text: bracketed(text))
    made = stand_ins.import_module_file(monkeypatch).CAMLocalizerWidget()
    made.setup()
    made.panel.workbench.new_job = job
    yield made.panel
    made.cleanup()


@pytest.fixture
def reviewing(panel: Any) -> Any:
    panel.ui.runButton.click()
    panel.controls.run.poll_timer.fire()
    panel.controls.run.poll_timer.fire()
    return panel


def shown_texts(ui: SimpleNamespace) -> Iterator[tuple[str, str]]:
    """Yield every text that the panel's code gave to a widget, with the widget's name."""
    before = ui_widgets(UI_FILE)
    for name, widget in vars(ui).items():
        if not isinstance(widget, Widget):
            continue
        for attribute in SHOWN:
            if vars(widget)[attribute] != vars(before[name])[attribute]:
                yield f"{name}.{attribute}", vars(widget)[attribute]
        yield from ((f"{name} item", text) for text, _data in widget.items)
        yield from ((f"{name} cell", item.text()) for item in widget.cells.values() if name != "setUpTable")
        yield from ((f"{name} title", title) for title in getattr(widget, "titles", ()))


def english(panel: Any) -> list[tuple[str, str]]:
    texts = [*shown_texts(panel.ui)]
    texts += [("question", question) for question in __import__("slicer").app.questions]
    texts += [(f"box {name}", box.text) for name, box in panel.controls.export.boxes.items()]
    texts += [(f"box {name} tip", box.toolTip) for name, box in panel.controls.export.boxes.items()]
    return [(name, text) for name, text in texts if untranslated(text)]


@pytest.mark.parametrize(
    ("text", "left"),
    [("⟦Keep⟧", ""), ("12.5 ml", ""), ("⟦{0} of ⟦two⟧⟧ 3", ""), ("Keep it", "Keep it"), ("⟦a⟧ not this", "not this")],
)
def test_what_is_left_in_english_is_found(text: str, left: str) -> None:
    assert untranslated(text) == left


def test_before_a_run_everything_is_translated(panel: Any) -> None:
    assert english(panel) == []
    panel.ui.inputSelector.setCurrentNode(None)
    assert english(panel) == []


def test_during_a_run_everything_is_translated(panel: Any) -> None:
    panel.ui.runButton.click()
    assert english(panel) == []
    panel.controls.run.poll_timer.fire()
    assert english(panel) == []
    panel.ui.runButton.click()
    assert english(panel) == []


def test_a_review_is_translated_with_what_is_accepted_exported_and_asked(reviewing: Any, tmp_path: Path) -> None:
    ui, interactions = reviewing.ui, reviewing.controls.interactions
    ui.thresholdSlider.value = 20.0
    interactions.update_timer.fire()
    assert english(reviewing) == []
    ui.acceptButton.click()
    ui.exportFolderButton.directory = str(tmp_path)
    ui.exportButton.click()
    ui.exportButton.click()
    assert english(reviewing) == []
    ui.undoButton.click()
    assert english(reviewing) == []


def test_refusals_are_translated(reviewing: Any, tmp_path: Path) -> None:
    ui, interactions = reviewing.ui, reviewing.controls.interactions
    ui.scaleCheckBox0.click()
    ui.scaleCheckBox1.click()
    interactions.update_timer.fire()
    assert ui.acceptMessage.text
    assert english(reviewing) == []
    (tmp_path / "file").touch()
    ui.exportFolderButton.directory = str(tmp_path / "file")
    ui.exportButton.click()
    assert english(reviewing) == []
    ui.batchFolderButton.directory = str(tmp_path)
    ui.batchButton.click()
    assert ui.batchMessage.text
    assert english(reviewing) == []


def test_a_pet_is_translated(panel: Any) -> None:
    panel.ui.modelSelector.choose("pet-fdg")
    panel.ui.runButton.click()
    panel.controls.run.poll_timer.fire()
    panel.controls.run.poll_timer.fire()
    assert panel.review is not None
    assert english(panel) == []
