"""Small stand-ins for Qt: widgets that remember what was done to them and tell whoever is connected."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from painter_stand_ins import painter_members

# What a widget of a class emits when a property is set to another value.
SIGNALS = {
    "QComboBox": {"currentIndex": "currentIndexChanged(int)"},
    "QCheckBox": {"checked": "toggled(bool)"},
    "QSpinBox": {"value": "valueChanged(int)"},
    "QDoubleSpinBox": {"value": "valueChanged(double)"},
    "ctkSliderWidget": {"value": "valueChanged(double)"},
    "qMRMLNodeComboBox": {"node": "currentNodeChanged(vtkMRMLNode*)"},
    "ctkDirectoryButton": {"directory": "directoryChanged(QString)"},
    "ctkCollapsibleButton": {"collapsed": "contentsCollapsed(bool)"},
}
START = {
    "checked": False,
    "collapsed": False,
    "currentIndex": -1,
    "directory": "",
    "enabled": True,
    "format": "",
    "height": 60,
    "maximum": 100.0,
    "minimum": 0.0,
    "node": None,
    "rowCount": 0,
    "shortcut": "",
    "text": "",
    "toolTip": "",
    "value": 0,
    "visible": True,
    "width": 400,
}


class Widget:
    """Any Qt widget, of the class and with the properties that a .ui file gives it."""

    def __init__(self, name: str = "", class_name: str = "QWidget", **properties: Any) -> None:
        vars(self).update(START | properties, name=name, class_name=class_name)
        vars(self).update(connections=defaultdict(list), items=[], cells={}, filters=[], picture=None, scene=None)
        vars(self).update(proxy=SimpleNamespace(hiddenNodeIDs=[]))

    def __setattr__(self, name: str, value: Any) -> None:
        changed = name not in vars(self) or vars(self)[name] != value
        vars(self)[name] = value
        if name == "text" and self.class_name == "QPushButton":
            self.shortcut = ""  # Qt takes it from the new text
        signal = SIGNALS.get(self.class_name, {}).get(name)
        if signal and changed:
            self.emit(signal, value)

    def connect(self, signal: str, slot: Callable) -> None:
        """Call the slot at every signal."""
        self.connections[signal].append(slot)

    def disconnect(self, signal: str, slot: Callable) -> None:
        """Call the slot no more."""
        self.connections[signal].remove(slot)

    def emit(self, signal: str, *arguments: Any) -> None:
        """Call the slots of a signal, as Qt does after an interaction."""
        for slot in tuple(self.connections[signal]):
            slot(*arguments)

    def click(self) -> None:
        """Press a button or tick a box, unless it is disabled."""
        assert self.enabled, f"{self.name} is disabled: {self.toolTip}"
        if self.class_name == "QCheckBox":
            self.checked = not self.checked
        self.emit("clicked()")

    def addItem(self, text: str, data: Any = None) -> None:  # noqa: N802
        """Append to a combo box, whose first item becomes the current one."""
        self.items.append((text, data))
        self.currentIndex = max(self.currentIndex, 0)

    def clear(self) -> None:
        """Empty a combo box."""
        self.items.clear()
        self.currentIndex = -1

    @property
    def count(self) -> int:
        """Number of items of a combo box."""
        return len(self.items)

    def itemData(self, index: int) -> Any:  # noqa: N802
        """Return what was stored with an item of a combo box."""
        return self.items[index][1] if 0 <= index < len(self.items) else None

    def findData(self, data: Any) -> int:  # noqa: N802
        """Return the item that was stored with this, -1 if there is none."""
        return next((index for index, item in enumerate(self.items) if item[1] == data), -1)

    def choose(self, data: Any) -> None:
        """Choose an item of a combo box, as a user does."""
        index = self.findData(data)
        assert index >= 0, f"{self.name} offers {self.items}, not {data!r}"
        self.currentIndex = index
        self.emit("activated(int)", index)

    def setCurrentNode(self, node: Any) -> None:  # noqa: N802
        """Choose a node."""
        self.node = node

    def sortFilterProxyModel(self) -> Any:  # noqa: N802
        """Return what chooses the nodes that are offered."""
        return self.proxy

    def setPixmap(self, picture: Any) -> None:  # noqa: N802
        """Show a picture."""
        self.picture = picture

    @property
    def palette(self) -> Any:
        """The colours of the widget: white."""
        white = SimpleNamespace(red=lambda: 255, green=lambda: 255, blue=lambda: 255)
        return SimpleNamespace(color=lambda _role: white)

    def devicePixelRatioF(self) -> float:  # noqa: N802
        """Return how many pixels of the screen a pixel is."""
        return 1.0

    def setItemData(self, *_: Any) -> None:  # noqa: N802
        """Give an item of a combo box a tooltip."""

    def setItem(self, row: int, column: int, item: Any) -> None:  # noqa: N802
        """Fill a cell of a table."""
        item.place = (row, column)
        self.cells[row, column] = item

    def tick(self, row: int, column: int, ticked: bool) -> None:
        """Tick or untick a cell of a table, as a user does."""
        self.cells[row, column].state = 2 if ticked else 0
        self.emit("itemChanged(QTableWidgetItem*)", self.cells[row, column])

    def item(self, row: int, column: int) -> Any:
        """Return a cell of a table."""
        return self.cells.get((row, column))

    def setHorizontalHeaderLabels(self, titles: Any) -> None:  # noqa: N802
        """Give the columns of a table their titles."""
        self.titles = list(titles)

    def installEventFilter(self, entry: Any) -> None:  # noqa: N802
        """Show every event to this object first."""
        self.filters.append(entry)

    def removeEventFilter(self, entry: Any) -> None:  # noqa: N802
        """Show events to this object no more."""
        self.filters.remove(entry)

    def press(self, x: int, kind: int = 2) -> None:
        """Press the mouse at ``x``; other kinds of events for a drag and a release."""
        event = SimpleNamespace(type=lambda: kind, pos=lambda: SimpleNamespace(x=lambda: x, y=lambda: 1))
        for entry in self.filters:
            entry.eventFilter(self, event)

    def setMRMLScene(self, scene: Any) -> None:  # noqa: N802
        """Remember the scene."""
        self.scene = scene

    def layout(self) -> Widget:
        """Return what arranges the children; it takes any."""
        return self

    def property(self, name: str) -> Any:
        """Return a property, None for one that was never set."""
        return vars(self).get(name)

    def _nothing(self, *_: Any) -> Widget:
        return self

    addWidget = setColumnCount = horizontalHeader = verticalHeader = _nothing  # noqa: N815
    setSectionResizeMode = setVisible = resizeRowsToContents = _nothing  # noqa: N815


class TableItem:
    """A cell of a table."""

    def __init__(self, text: str = "") -> None:
        self.text_, self.state, self.place = text, None, (-1, -1)

    def row(self) -> int:
        """Return in which row of its table the cell is."""
        return self.place[0]

    def text(self) -> str:
        """Return what the cell says."""
        return self.text_

    def setToolTip(self, tip: str) -> None:  # noqa: N802
        """What the mouse is told."""
        self.tip = tip

    def setCheckState(self, state: int) -> None:  # noqa: N802
        """Tick or untick."""
        self.state = state

    def checkState(self) -> int:  # noqa: N802
        """Return whether the cell is ticked."""
        return self.state

    def setFlags(self, _flags: int) -> None:  # noqa: N802
        """What a user may do with the cell."""


class Timer:
    """A timer that fires when the test says so."""

    running: set[Timer] = set()  # noqa: RUF012

    def __init__(self, *_: Any) -> None:
        self._single, self._slots = False, []

    def setInterval(self, _interval: int) -> None:  # noqa: N802
        """Time is what tests make of it."""

    def setSingleShot(self, single: bool) -> None:  # noqa: N802
        """Fire once."""
        self._single = single

    def connect(self, _signal: str, slot: Callable) -> None:
        """Call the slot whenever the time is over."""
        self._slots.append(slot)

    def start(self, *_: int) -> None:
        """Run, from now."""
        self.running.add(self)

    def stop(self) -> None:
        """Run no more."""
        self.running.discard(self)

    @property
    def active(self) -> bool:
        """Whether the timer runs."""
        return self in self.running

    def fire(self) -> None:
        """Let the time be over."""
        assert self.active, "the timer does not run"
        if self._single:
            self.stop()
        for slot in self._slots:
            slot()


class Settings:
    """What Slicer remembers over its sessions."""

    kept: dict[str, Any] = {}  # noqa: RUF012

    def value(self, name: str) -> Any:
        """Return what was remembered, None if nothing was."""
        return self.kept.get(name)

    def setValue(self, name: str, value: Any) -> None:  # noqa: N802
        """Remember a value."""
        self.kept[name] = value


class QObject:
    """An object that can watch the events of others."""

    def __init__(self, *_: Any) -> None:
        pass


def qt_members() -> dict[str, Any]:
    """Return what stands in for the names of the module ``qt``."""
    Timer.running = set()
    Settings.kept = {"CAMLocalizer/Exports": ""}  # nothing is ticked: a report takes a second
    clipboard = SimpleNamespace(texts=[])
    clipboard.setText = clipboard.texts.append
    return {
        "QObject": QObject,
        "QTableWidgetItem": TableItem,
        "QTimer": Timer,
        "QSettings": Settings,
        "QCheckBox": lambda text: Widget("", "QCheckBox", text=text),
        "QHeaderView": SimpleNamespace(Stretch=1, ResizeToContents=3),
        "QEvent": SimpleNamespace(MouseButtonPress=2, MouseMove=5, Resize=14),
        "QApplication": SimpleNamespace(mouseButtons=lambda: 0, clipboard=lambda: clipboard),
        "Qt": SimpleNamespace(
            ToolTipRole=3,
            Checked=2,
            Unchecked=0,
            NoButton=0,
            ItemIsEnabled=32,
            ItemIsSelectable=1,
            ItemIsUserCheckable=16,
        ),
        "QPalette": SimpleNamespace(Window=10),
        **painter_members(),
    }


def ui_widgets(path: str | Path) -> dict[str, Widget]:
    """Make one widget per name in a .ui file, of the class and with the plain properties that the file gives."""
    entries = [(entry.attrib, _given(entry)) for entry in ElementTree.parse(path).iter("widget")]
    return {known["name"]: Widget(known["name"], known["class"], **given) for known, given in entries}


def _given(entry: ElementTree.Element) -> dict[str, Any]:
    readers: dict[str, Callable[[str], Any]] = {
        "bool": lambda text: text == "true",
        "double": float,
        "number": int,
        "string": str,
        "cstring": str,
    }
    found = {}
    for given in entry.findall("property"):
        value = given[0]
        if value.tag == "stringlist":
            found[given.attrib["name"]] = [entry.text for entry in value]
        if value.tag in readers:
            found[given.attrib["name"]] = readers[value.tag](value.text or "")
    return found
