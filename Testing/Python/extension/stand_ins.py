"""Small stand-ins for the parts of the Slicer desktop that need Qt, so that the unchanged module can be imported.

Only tests register them. They hold no more than CAMLocalizer.py uses: base classes, parameters kept in the scene,
widgets that remember what was done to them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import sys
import unittest
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, get_type_hints

import pytest
import slicer

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

    def delayDisplay(self, message: str) -> None:  # noqa: N802
        """The desktop shows the message for a while."""


@dataclass(frozen=True)
class WithinRange:
    """Bounds of a number."""

    minimum: float
    maximum: float

    def validate(self, value: float) -> None:
        """Raise ValueError outside the bounds."""
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within {self.minimum} and {self.maximum}")


@dataclass(frozen=True)
class Choice:
    """Values to choose from."""

    choices: tuple[Any, ...]

    def validate(self, value: Any) -> None:
        """Raise ValueError for another value."""
        if value not in self.choices:
            raise ValueError(f"{value} is not one of {self.choices}")


def parameterNodeWrapper(cls: type) -> type:  # noqa: N802
    """Turn annotations into properties kept in a MRML node: node references, JSON values, validators."""
    defaults = {name: getattr(cls, name, None) for name in get_type_hints(cls)}

    def initialise(self: Any, parameter_node: Any) -> None:
        self.parameterNode = parameter_node
        self.connected: list[Any] = []

    def connect(self: Any, ui: Any) -> int:
        self.connected.append(ui)
        return len(self.connected) - 1

    def disconnect(self: Any, tag: int) -> None:
        self.connected[tag] = None

    members = {
        "__init__": initialise,
        "connectGui": connect,
        "disconnectGui": disconnect,
        "AddObserver": lambda self, *arguments: self.parameterNode.AddObserver(*arguments),
        "RemoveObserver": lambda self, tag: self.parameterNode.RemoveObserver(tag),
    }
    for name, hint in get_type_hints(cls, include_extras=True).items():
        members[name] = _reference(name) if _is_node(hint) else _value(name, hint, defaults[name])
    return type(cls.__name__, (), {"__doc__": cls.__doc__, **members})


def _is_node(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, slicer.vtkMRMLNode)


def _reference(name: str) -> property:
    def read(self: Any) -> Any:
        return self.parameterNode.GetNodeReference(name)

    def write(self: Any, node: Any) -> None:
        self.parameterNode.SetNodeReferenceID(name, None if node is None else node.GetID())

    return property(read, write)


def _value(name: str, hint: Any, default: Any) -> property:
    def read(self: Any) -> Any:
        text = self.parameterNode.GetParameter(name)
        return json.loads(text) if text else default

    def write(self: Any, value: Any) -> None:
        for validator in getattr(hint, "__metadata__", ()):
            validator.validate(value)
        self.parameterNode.SetParameter(name, json.dumps(value))

    return property(read, write)


class Widget:
    """Any Qt widget: remembers properties, items and connections."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.items: list[str] = []
        self.currentText = ""
        self.connections: dict[str, Callable] = {}
        self.scene: Any = None

    def addItems(self, items: list[str]) -> None:  # noqa: N802
        """Append to a combo box, whose first item becomes the current one."""
        self.items += items
        self.currentText = self.currentText or next(iter(self.items), "")

    @property
    def count(self) -> int:
        """Number of items of a combo box."""
        return len(self.items)

    def setCurrentText(self, text: str) -> None:  # noqa: N802
        """Choose an item of a combo box; an unknown one is ignored."""
        if text in self.items:
            self.currentText = text

    def connect(self, signal: str, slot: Callable) -> None:
        """Remember the slot of a signal."""
        self.connections[signal] = slot

    def emit(self, signal: str, *arguments: Any) -> None:
        """Call the slot of a signal."""
        self.connections[signal](*arguments)

    def addWidget(self, _widget: Any) -> None:  # noqa: N802
        """A layout takes anything."""

    def setMRMLScene(self, scene: Any) -> None:  # noqa: N802
        """Remember the scene."""
        self.scene = scene


def widgets_of(path: str | Path) -> dict[str, ElementTree.Element]:
    """Return the widgets of a .ui file by name."""
    return {entry.attrib["name"]: entry for entry in ElementTree.parse(path).iter("widget")}


def load_ui(path: str) -> Widget:
    """Stand in for slicer.util.loadUI: the root remembers the file."""
    root = Widget("root")
    root.path = path  # type: ignore[attr-defined]
    return root


def child_widget_variables(root: Widget) -> SimpleNamespace:
    """Stand in for slicer.util.childWidgetVariables: one widget per name in the file, no others."""
    return SimpleNamespace(**{name: Widget(name) for name in widgets_of(root.path)})  # type: ignore[attr-defined]


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
            Choice=Choice,
        ),
        _module("slicer.i18n", tr=str, translate=lambda _context, text: text),
        _module("SampleData", SampleDataLogic=SampleDataLogic),
        _module("qt"),
        _module("ctk"),
    ]
    for module in modules:
        monkeypatch.setitem(sys.modules, module.__name__, module)
    slicer.app.connections = {}
    slicer.app.errors = []
    slicer.app.connect = slicer.app.connections.__setitem__
    slicer.app.processEvents = lambda: None
    monkeypatch.setattr(slicer.util, "loadUI", load_ui)
    monkeypatch.setattr(slicer.util, "childWidgetVariables", child_widget_variables)
    monkeypatch.setattr(slicer.util, "tryWithErrorDisplay", _show_error)


def import_module_file(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import CAMLocalizer.py as the desktop does: from its path, anew."""
    spec = importlib.util.spec_from_file_location("CAMLocalizer", MODULE_FOLDER / "CAMLocalizer.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "CAMLocalizer", module)
    spec.loader.exec_module(module)
    return module
