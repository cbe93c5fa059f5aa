"""ComponentTable: the components of the label map, each kept or left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt
from slicer.i18n import tr as _

from ..core import SUV_COLUMNS
from ..workbench.presenter import place_text
from .interactions import Interactions
from .widgets import table_item

KEEP, VOLUME, CENTRE, PEAK = range(4)
ROWS = 50  # a very low threshold leaves thousands of components


class ComponentTable:
    """Lists components, largest first; those of a PET in SUV with its measures.

    Args:
        ui: the widgets of the panel by name.
        workbench: moves the slice views.
        interactions: passes changes on to the review.
    """

    def __init__(self, ui: Any, workbench: Any, interactions: Interactions) -> None:
        self._ui, self._workbench, self._interactions = ui, workbench, interactions
        table = ui.componentsTable
        self._show_columns(())
        table.verticalHeader().setVisible(False)
        table.connect("itemChanged(QTableWidgetItem*)", self.on_ticked)
        table.connect("cellClicked(int,int)", lambda row, _column: self.on_chosen(row))
        table.connect("currentCellChanged(int,int,int,int)", lambda row, *_others: self.on_chosen(row))

    def on_ticked(self, item: Any) -> None:
        """Keep a component or leave it out."""
        row, kept = item.row(), item.checkState() == qt.Qt.Checked
        change = "restore_component" if kept else "reject_component"
        self._interactions.soon("component", lambda: getattr(self._interactions.review, change)(row + 1))

    def on_chosen(self, row: int) -> None:
        """Let the slice views go to a component."""
        if row >= 0:
            self._interactions.soon("jump", lambda: self._workbench.jump_to_component(row + 1))

    def show(self, review: Any) -> None:
        """List the components."""
        components, total = review.components, review.suv_total
        table = self._ui.componentsTable
        self._show_columns(() if total is None else [column.title for column in SUV_COLUMNS])
        self._ui.suvLabel.visible = total is not None and bool(components)
        self._ui.suvLabel.text = "" if total is None else _("All kept: {measures}").format(measures=total.sentence())
        table.rowCount = min(len(components), ROWS)
        for row, component in enumerate(components[:ROWS]):
            self._show_row(row, component)
        cut = _("The largest {shown} of {count} are listed.").format(shown=ROWS, count=len(components))
        self._ui.componentsNote.text = cut if len(components) > ROWS else ""
        self._ui.componentsNote.visible = len(components) > ROWS

    def _show_row(self, row: int, component: Any) -> None:
        table = self._ui.componentsTable
        table.setItem(row, KEEP, table_item("", checked=component.kept))
        table.setItem(row, VOLUME, table_item(f"{component.volume_ml:.2f}"))
        table.setItem(row, CENTRE, table_item(place_text(component.centre_lps_mm)))
        table.setItem(row, PEAK, table_item(f"{component.peak:.2f}"))
        for column, text in enumerate(() if component.suv is None else component.suv.texts(), start=PEAK + 1):
            table.setItem(row, column, table_item(text))

    def _show_columns(self, further: Sequence[str]) -> None:
        """Give the table its columns, and further ones behind them."""
        titles = [_("Keep"), _("Volume (ml)"), _("Centre (mm)"), _("Peak"), *further]
        table = self._ui.componentsTable
        table.setColumnCount(len(titles))
        table.setHorizontalHeaderLabels(titles)
        for column in range(len(titles)):
            mode = qt.QHeaderView.Stretch if column == CENTRE else qt.QHeaderView.ResizeToContents
            table.horizontalHeader().setSectionResizeMode(column, mode)
