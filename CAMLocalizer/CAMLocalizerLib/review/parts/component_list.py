"""Components, what was accepted of them, and the way back."""

from __future__ import annotations

from ...core import SettingsError
from ...workbench import Change, Review, ReviewedComponent
from ...workbench.presenter import volume_text
from ..page_context import EVERYTHING, PageContext
from ..page_state import Accepted, AcceptedRow, ComponentList, ComponentRow, History

LISTED = 40


class ComponentsPart:
    """Lists components and accepted segments; keeps, rejects, accepts, goes back."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._at = 0  # the component shown last
        context.action("component", self.show_component)
        context.action("next_component", self.next_component)
        context.action("toggle", lambda label: context.review.toggle_component(int(label)), draws=True)
        context.action("toggle_shown", self.toggle_shown, draws=True)
        context.action("pick", self.pick, draws=True)
        context.action("keep_all", lambda: context.review.keep_all(), draws=True)
        context.action("accept", self.accept, draws=True)
        context.action("withdraw", lambda index: context.review.withdraw(int(index)), draws=True)
        context.action("undo", self.undo, draws=True)
        context.action("redo", self.redo, draws=True)
        context.on_change(self._on_change)
        context.on_action(self._on_action)

    def show_component(self, label: int, *, cross: bool = True) -> None:
        """Go to the highest activation of a component, with the cross at it unless that is not wanted."""
        component = _component(self._context.review, int(label))
        self._context.views.jump_to(_peak_lps(self._context.review, component), cross=cross)
        self._at = component.label

    def next_component(self, steps: int) -> None:
        """Go to the next or an earlier component of the list, round at its ends."""
        count = len(self._context.review.components)
        if count:
            self.show_component((self._at - 1 + int(steps)) % count + 1 if self._at else 1)

    def toggle_shown(self) -> None:
        """Reject or keep the component that was shown last."""
        if not self._at:
            raise SettingsError("choose a component first, in the list or with N")
        self._context.review.toggle_component(self._at)

    def pick(self, view: str, across: float, down: float) -> None:
        """Reject or keep the component under a point of a slice view."""
        place = self._context.views.place_at(view, float(across), float(down))
        label = self._context.review.toggle_component_at(place)
        self._at = label or self._at

    def accept(self) -> None:
        """Keep the label map as a finding."""
        if reason := self._context.availability.accept_blocker():
            raise SettingsError(reason)
        segment = self._context.review.accept()
        self._context.page.notice(f"{segment.name} accepted: {volume_text(segment.volume_ml)}.")

    def undo(self) -> None:
        """Take the last step back."""
        if reason := self._context.availability.undo_blocker():
            raise SettingsError(reason)
        self._context.review.undo()

    def redo(self) -> None:
        """Do again what was taken back."""
        if reason := self._context.availability.redo_blocker():
            raise SettingsError(reason)
        self._context.review.redo()

    def _on_action(self) -> None:
        workbench = self._context.workbench
        if workbench.review is None:
            self._at = 0
            for part in (ComponentList(), Accepted()):
                self._context.page.show(part)
        review, availability = workbench.review, self._context.availability
        self._context.page.show(
            History(
                "" if review is None else review.undo_text,
                "" if review is None else review.redo_text,
                availability.undo_blocker(),
                availability.redo_blocker(),
                availability.accept_blocker(),
                availability.export_blocker(),
            )
        )

    def _on_change(self, review: Review, changes: frozenset[Change]) -> None:
        if Change.COMPONENTS in changes or Change.LABEL_MAP in changes:
            components = review.components
            self._at = self._at if self._at <= len(components) else 0
            rows = tuple(self._row(review, component) for component in components[:LISTED])
            total = review.suv_total
            told = () if total is None or not components else total.phrases()
            self._context.page.show(ComponentList(rows, max(0, len(components) - LISTED), told))
            if changes == EVERYTHING and components:  # what a run found
                self.show_component(1, cross=False)
        if Change.ACCEPTED in changes:
            self._context.page.show(Accepted(_accepted_rows(review), unsaved=bool(review.accepted)))

    def _row(self, review: Review, component: ReviewedComponent) -> ComponentRow:
        return ComponentRow(
            component.label,
            volume_text(component.volume_ml),
            f"{component.peak:.2f}",
            f"slice {self._context.views.number_at('Red', _peak_lps(review, component))}",
            component.kept,
            () if component.suv is None else component.suv.phrases(),
            component.left_out,
        )


def _accepted_rows(review: Review) -> tuple[AcceptedRow, ...]:
    return tuple(
        AcceptedRow(
            index,
            segment.name,
            volume_text(segment.volume_ml),
            f"threshold {segment.settings.threshold}, scales {', '.join(map(str, segment.settings.scales))}",
        )
        for index, segment in enumerate(review.accepted)
    )


def _peak_lps(review: Review, component: ReviewedComponent) -> tuple[float, float, float]:
    """Return where a component is brightest, LPS in mm; the views go there."""
    x, y, z = review.found.volume.grid.to_lps(component.peak_kji[::-1]).tolist()
    return x, y, z


def _component(review: Review, label: int) -> ReviewedComponent:
    for component in review.components:
        if component.label == label:
            return component
    raise SettingsError(f"there is no component {label}, only {len(review.components)}")
