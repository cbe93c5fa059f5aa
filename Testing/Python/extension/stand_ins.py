"""Small stand-ins for the parts of the Slicer desktop that need Qt, so that the unchanged module can be imported.

Only tests register them. They hold no more than module and panel use: base classes, parameters kept in the scene,
widgets that remember what was done to them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import sys
import unittest
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, get_type_hints

import pytest
import slicer
from qt_stand_ins import Widget, qt_members, ui_widgets

MODULE_FOLDER = Path(__file__).resolve().parents[3] / "CAMLocalizer"


class ScriptedLoadableModule:
    """Takes the desktop's module object."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent


class ScriptedLoadableModuleWidget:
    """A panel without a window."""

    def __init__(self, parent: Any = None) -> None:
        self.parent = parent or SimpleNamespace(isEntered=True)
        self.layout = Widget("layout")

    def setup(self) -> None:
        """The desktop adds its developer tools here."""

    def onReload(self) -> None:  # noqa: N802
        """The desktop reads the module file anew."""

    def resourcePath(self, name: str) -> str:  # noqa: N802
        """Look in Resources beside the module file."""
        return str(MODULE_FOLDER / "Resources" / name)


class ScriptedLoadableModuleLogic:
    """Keeps one parameter node per module in the global scene."""

    def getParameterNode(self) -> Any:  # noqa: N802
        """Return the module's node, made at the first call."""
        name = type(self).__name__.removesuffix("Logic")
        node = slicer.mrmlScene.GetSingletonNode(name, "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.vtkMRMLScriptedModuleNode()
            node.SetSingletonTag(name)
            node = slicer.mrmlScene.AddNode(node)
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """The desktop's test base."""


@dataclass(frozen=True)
class WithinRange:
    """Bounds of a number."""

    minimum: float
    maximum: float

    def validate(self, value: float) -> None:
        """Raise ValueError outside the bounds."""
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within {self.minimum} and {self.maximum}")


def parameterNodeWrapper(cls: type) -> type:  # noqa: N802
    """Turn annotations into properties kept in a MRML node: node references, JSON values, validators."""
    defaults = {name: getattr(cls, name, None) for name in get_type_hints(cls)}

    hints = get_type_hints(cls)

    def initialise(self: Any, parameter_node: Any) -> None:
        self.parameterNode = parameter_node
        self.connected: list[Any] = []

    def connect(self: Any, ui: Any) -> int:
        named = [widget for widget in vars(ui).values() if widget.property("SlicerParameterName")]
        links = [_Link(self, widget, hints[widget.SlicerParameterName]) for widget in named]
        tag = self.AddObserver("ModifiedEvent", lambda *_: [link.show() for link in links])
        self.connected.append((links, tag))
        return len(self.connected) - 1

    def disconnect(self: Any, tag: int) -> None:
        links, observer = self.connected[tag]
        self.RemoveObserver(observer)
        for link in links:
            link.cut()

    members = {
        "__init__": initialise,
        "connectGui": connect,
        "disconnectGui": disconnect,
        "AddObserver": lambda self, *arguments: self.parameterNode.AddObserver(*arguments),
        "RemoveObserver": lambda self, tag: self.parameterNode.RemoveObserver(tag),
    }
    for name, hint in get_type_hints(cls, include_extras=True).items():
        members[name] = _reference(name) if _is_node(hint) else _value(name, hint, defaults[name])
    kept = {"__doc__": cls.__doc__, "__module__": cls.__module__, "__annotations__": cls.__annotations__}
    return type(cls.__name__, (), {**kept, **members})


class _Link:
    """Keeps a widget and a parameter the same."""

    PROPERTIES = {  # noqa: RUF012
        "QComboBox": ("currentIndex", "currentIndexChanged(int)"),
        "QCheckBox": ("checked", "toggled(bool)"),
        "ctkSliderWidget": ("value", "valueChanged(double)"),
        "qMRMLNodeComboBox": ("node", "currentNodeChanged(vtkMRMLNode*)"),
    }

    def __init__(self, parameters: Any, widget: Widget, hint: Any) -> None:
        self.parameters, self.widget = parameters, widget
        self.name, self.choices = widget.SlicerParameterName, None
        self.attribute, self.signal = self.PROPERTIES[widget.class_name]
        if isinstance(hint, type) and issubclass(hint, Enum):
            self.choices = list(hint)
            widget.clear()
            for choice in self.choices:
                widget.addItem(choice.label())
        self.show()
        widget.connect(self.signal, self.read)

    def show(self) -> None:
        value = getattr(self.parameters, self.name)
        setattr(self.widget, self.attribute, value if self.choices is None else self.choices.index(value))

    def read(self, *_: Any) -> None:
        value = getattr(self.widget, self.attribute)
        setattr(self.parameters, self.name, value if self.choices is None else self.choices[value])

    def cut(self) -> None:
        self.widget.disconnect(self.signal, self.read)


def _is_node(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, slicer.vtkMRMLNode)


def _reference(name: str) -> property:
    def read(self: Any) -> Any:
        return self.parameterNode.GetNodeReference(name)

    def write(self: Any, node: Any) -> None:
        self.parameterNode.SetNodeReferenceID(name, None if node is None else node.GetID())

    return property(read, write)


def _value(name: str, hint: Any, default: Any) -> property:
    is_enum = isinstance(hint, type) and issubclass(hint, Enum)

    def read(self: Any) -> Any:
        text = self.parameterNode.GetParameter(name)
        if not text:
            return default
        return hint[json.loads(text)] if is_enum else json.loads(text)

    def write(self: Any, value: Any) -> None:
        for validator in getattr(hint, "__metadata__", ()):
            validator.validate(value)
        self.parameterNode.SetParameter(name, json.dumps(value.name if is_enum else value))

    return property(read, write)


def load_ui(path: str) -> Widget:
    """Stand in for slicer.util.loadUI: the root remembers the file."""
    return Widget("root", path=path)


def child_widget_variables(root: Widget) -> SimpleNamespace:
    """Stand in for slicer.util.childWidgetVariables: one widget per name in the file, no others."""
    return SimpleNamespace(**ui_widgets(root.path))


class SampleDataLogic:
    """Remembers what was registered."""

    registered: list[dict[str, Any]]

    @classmethod
    def registerCustomSampleDataSource(cls, **source: Any) -> None:  # noqa: N802
        """Remember a source."""
        cls.registered.append(source)


@contextlib.contextmanager
def _show_error(message: str, **_: Any) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the desktop shows it in a box
        slicer.app.errors.append(f"{message} {error}")


def _ask(question: str, *_: Any, **__: Any) -> bool:
    slicer.app.questions.append(question)
    return slicer.app.answer


def _module(name: str, **members: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    return module


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the stand-ins where the desktop has the real things; monkeypatch takes them away again."""
    SampleDataLogic.registered = []
    bases = (
        ScriptedLoadableModule,
        ScriptedLoadableModuleWidget,
        ScriptedLoadableModuleLogic,
        ScriptedLoadableModuleTest,
    )
    modules = [
        _module("slicer.ScriptedLoadableModule", **{base.__name__: base for base in bases}),
        _module(
            "slicer.parameterNodeWrapper",
            parameterNodeWrapper=parameterNodeWrapper,
            WithinRange=WithinRange,
        ),
        _module("slicer.i18n", tr=str, translate=lambda _context, text: text),
        _module("SampleData", SampleDataLogic=SampleDataLogic),
        _module("qt", **qt_members()),
    ]
    for module in modules:
        monkeypatch.setitem(sys.modules, module.__name__, module)
    for name in [name for name in sys.modules if name.startswith("CAMLocalizerLib.panel")]:
        monkeypatch.delitem(sys.modules, name)  # or it would keep the widgets of an earlier test
    slicer.app.connections = {}
    slicer.app.errors = []
    slicer.app.connect = slicer.app.connections.__setitem__
    slicer.app.processEvents = lambda: None
    monkeypatch.setattr(slicer.util, "loadUI", load_ui)
    monkeypatch.setattr(slicer.util, "childWidgetVariables", child_widget_variables)
    monkeypatch.setattr(slicer.util, "tryWithErrorDisplay", _show_error)
    monkeypatch.setattr(slicer.util, "WaitCursor", contextlib.nullcontext)
    slicer.app.questions, slicer.app.answer = [], True
    slicer.app.applicationVersion = "5.12.0"
    slicer.app.layoutManager = lambda: None  # no window
    slicer.app.temporaryPath = "/nowhere"
    for name in ("confirmYesNoDisplay", "confirmOkCancelDisplay"):
        monkeypatch.setattr(slicer.util, name, _ask)


def import_module_file(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import CAMLocalizer.py as the desktop does: from its path, anew."""
    spec = importlib.util.spec_from_file_location("CAMLocalizer", MODULE_FOLDER / "CAMLocalizer.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "CAMLocalizer", module)
    spec.loader.exec_module(module)
    return module
