"""Timers, lists and table cells, made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt


def make_timer(interval_ms: int, slot: Callable[[], None], *, single_shot: bool = False) -> Any:
    """Return a stopped timer."""
    timer = qt.QTimer()
    timer.setInterval(interval_ms)
    timer.setSingleShot(single_shot)
    timer.connect("timeout()", slot)
    return timer


def fill_combo(combo: Any, texts: dict[str, str]) -> None:
    """Offer texts, each with the value it stands for."""
    combo.clear()
    for value, text in texts.items():
        combo.addItem(text, value)


def table_item(text: str, *, checked: bool | None = None) -> Any:
    """Return a cell of a table, with a check box if ``checked`` is given."""
    item = qt.QTableWidgetItem(text)
    flags = qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable
    if checked is not None:
        flags |= qt.Qt.ItemIsUserCheckable
        item.setCheckState(qt.Qt.Checked if checked else qt.Qt.Unchecked)
    item.setFlags(flags)
    return item
