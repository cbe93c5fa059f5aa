"""The .ui file of the panel, read as Slicer's own parts would read it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import pytest

MODULE_FOLDER = Path(__file__).resolve().parents[3] / "CAMLocalizer"
TREE = ElementTree.parse(MODULE_FOLDER / "Resources" / "UI" / "CAMLocalizer.ui")
PANEL = MODULE_FOLDER / "CAMLocalizerLib" / "panel"
CODE = "\n".join(path.read_text() for path in sorted(PANEL.glob("*.py")))
WIDGETS = {entry.attrib["name"]: entry for entry in TREE.iter("widget")}
INPUTS = {
    "QCheckBox",
    "QComboBox",
    "QDoubleSpinBox",
    "QPushButton",
    "QSpinBox",
    "QTableWidget",
    "ctkDirectoryButton",
    "ctkSliderWidget",
    "qMRMLNodeComboBox",
}
# What Slicer's parameterNodeWrapper/guiConnectors.py connects each of these classes with.
FITTING = {
    "QCheckBox": lambda kind: kind is bool,
    "QComboBox": lambda kind: isinstance(kind, type) and issubclass(kind, Enum),
    "QSpinBox": lambda kind: kind is int,
    "QDoubleSpinBox": lambda kind: kind in (int, float),
    "ctkSliderWidget": lambda kind: kind in (int, float),
    "QLineEdit": lambda kind: kind is str,
    "qMRMLNodeComboBox": lambda kind: hasattr(kind, "GetNodeTagName"),
    "ctkDirectoryButton": lambda kind: kind is Path,
}


def text_of(widget: ElementTree.Element, name: str) -> str:
    found = next((entry for entry in widget.findall("property") if entry.attrib["name"] == name), None)
    return "" if found is None else found[0].text or ""


def named_in_code() -> set[str]:
    plain = set(re.findall(r"\b_?ui\.([A-Za-z]\w*)", CODE))
    return plain | set(re.findall(r'"(\w+Button)"', CODE))


def cells_in_code() -> set[str]:
    return {f"{name}{cell}" for name in ("scalePicture", "scaleCheckBox", "scaleWeight") for cell in range(5)}


def test_every_name_occurs_once() -> None:
    entries = [entry.attrib["name"] for entry in TREE.iter() if entry.tag in ("widget", "layout", "spacer")]
    assert [name for name, count in Counter(entries).items() if count > 1] == []


def test_every_widget_that_the_code_names_exists() -> None:
    assert 'f"{name}{cell}" for name in ("scalePicture", "scaleCheckBox", "scaleWeight")' in CODE
    assert (named_in_code() | cells_in_code()) - set(WIDGETS) == set()


def test_the_code_uses_every_input_of_the_panel() -> None:
    inputs = {name for name, entry in WIDGETS.items() if entry.attrib["class"] in INPUTS}
    bound = {name for name, entry in WIDGETS.items() if text_of(entry, "SlicerParameterName")}
    assert inputs - named_in_code() - cells_in_code() - bound == set()


def test_every_input_and_picture_has_a_tooltip() -> None:
    pictures = {name for name in WIDGETS if "Picture" in name}
    inputs = {name for name, entry in WIDGETS.items() if entry.attrib["class"] in INPUTS}
    assert {name for name in inputs | pictures if not text_of(WIDGETS[name], "toolTip").endswith((".", ")."))} == set()


def test_parameters_are_fields_of_a_type_that_fits_the_widget(module: ModuleType) -> None:
    bound = {text_of(entry, "SlicerParameterName"): entry.attrib["class"] for entry in WIDGETS.values()}
    bound.pop("")
    hints = get_type_hints(module.CAMLocalizerParameterNode)
    assert set(bound) == set(hints) - {"model", "device"}  # which there are is known only when the panel is open
    assert {name for name, widget in bound.items() if not FITTING[widget](hints[name])} == set()


def test_sliders_are_bound_to_numbers_with_bounds(module: ModuleType) -> None:
    hints = get_type_hints(module.CAMLocalizerParameterNode, include_extras=True)
    bound = {text_of(entry, "SlicerParameterName"): entry.attrib["class"] for entry in WIDGETS.values()}
    sliders = [name for name, widget in bound.items() if widget == "ctkSliderWidget" and name]
    assert sliders
    assert all(any(hasattr(extra, "minimum") for extra in hints[name].__metadata__) for name in sliders)


def test_every_label_with_a_key_has_a_buddy_and_no_key_is_used_twice() -> None:
    keys = []
    for entry in WIDGETS.values():
        text = text_of(entry, "text")
        if found := re.search(r"&(\w)", text):
            keys.append(found[1].lower())
            if entry.attrib["class"] == "QLabel":
                assert text_of(entry, "buddy") in WIDGETS, text
    assert [key for key, count in Counter(keys).items() if count > 1] == []
    assert not set(keys) & set("fevh")  # Slicer's menus


def test_shortcuts_are_told_in_the_tooltips() -> None:
    shortcuts = {name: text_of(entry, "shortcut") for name, entry in WIDGETS.items() if text_of(entry, "shortcut")}
    assert len(set(shortcuts.values())) == len(shortcuts) > 0
    assert all(keys in text_of(WIDGETS[name], "toolTip") for name, keys in shortcuts.items())


def test_every_class_that_is_not_qts_is_declared() -> None:
    declared = {entry.findtext("class") for entry in TREE.iter("customwidget")}
    used = {entry.attrib["class"] for entry in WIDGETS.values()}
    assert {name for name in used if not name.startswith("Q")} == declared


def test_node_selectors_hear_of_the_scene() -> None:
    receivers = {entry.findtext("receiver") for entry in TREE.iter("connection")}
    assert receivers == {name for name, entry in WIDGETS.items() if entry.attrib["class"] == "qMRMLNodeComboBox"}


def test_the_panel_fits_into_slicers_column() -> None:
    wide = [int(entry.findtext("width") or 0) for entry in TREE.iter("size")]
    assert max(width for width in wide if width != 16777215) <= 420
    rect: Any = next(TREE.iter("rect"))
    assert int(rect.findtext("width")) == 420


@pytest.mark.parametrize("forbidden", ["center", "color ", "normaliz", "localiz"])
def test_words_are_spelt_as_in_britain(forbidden: str) -> None:
    texts = [entry.text or "" for entry in TREE.iter("string") if entry.attrib.get("notr") != "true"]
    assert [text for text in texts if forbidden in text.lower()] == []


def test_every_choice_has_words(module: ModuleType) -> None:
    texts = [choice.label() for kind in (module.View, module.Device) for choice in kind]
    assert len(set(texts)) == len(texts)
    assert all(texts)
