"""Acceptance: the label map is kept as a segment, or a segment is taken back."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from ...core import SettingsError
from ...localizer import Findings, LabelSettings
from .accepted import AcceptedSegment, free_name
from .host import Host
from .mask_state import MaskState
from .review_state import ReviewState


class Acceptance(ABC):
    """What a reviewer approves becomes an :class:`AcceptedSegment`; equal ones are made only once."""

    found: Findings
    _host: Host
    _mask_state: MaskState
    _state: ReviewState

    @property
    @abstractmethod
    def settings(self) -> LabelSettings:
        """How the label map is made."""

    @property
    @abstractmethod
    def accepted(self) -> tuple[AcceptedSegment, ...]:
        """What was accepted, in the order of acceptance."""

    @abstractmethod
    def commit(self) -> None:
        """Refine if that is set, and remember all previews since the last commit as one step."""

    @abstractmethod
    def _drawn(self) -> NDArray[np.uint8] | None:
        """Return the label map as it was drawn by hand; None if it was not."""

    @abstractmethod
    def _change(self, after: ReviewState, text: str, *, preview: bool) -> bool:
        """Go to a state and call the change ``text``; tells whether that was done."""

    def accept(self, name: str | None = None) -> AcceptedSegment:
        """Keep the label map, with what was drawn by hand, as a segment.

        Args:
            name: name of the segment; ``Tumour 1``, ``Tumour 2``, ... if not given.

        Raises:
            SettingsError: the label map is empty, or the name is taken.
        """
        self.commit()
        edited = self._drawn()
        mask = self._mask_state.mask if edited is None else edited
        if not mask.any():
            raise SettingsError("there is nothing to accept: the label map is empty; lower the threshold")
        if before := self.accepted_as:
            raise SettingsError(f"this label map was accepted as {before} already; change it first")
        segment = AcceptedSegment.of(
            self.found,
            mask,
            self.settings,
            name=self._checked_name(name),
            threshold_value=self._mask_state.threshold_value,
            edited=edited is not None,
        )
        self._change(self._state.changed(accepted=(*self.accepted, segment)), f"accept {segment.name}", preview=False)
        return segment

    def withdraw(self, index: int) -> bool:
        """Take back an accepted segment.

        Raises:
            SettingsError: there is no such one.
        """
        if not 0 <= index < len(self.accepted):
            raise SettingsError(f"there is no accepted segment {index}, only {len(self.accepted)}")
        rest = self.accepted[:index] + self.accepted[index + 1 :]
        return self._change(self._state.changed(accepted=rest), f"withdraw {self.accepted[index].name}", preview=False)

    @property
    def accepted_as(self) -> str:
        """Name of the accepted segment that equals the label map and is still there; empty if there is none."""
        drawn = self._drawn()
        voxels = self._mask_state.voxels if drawn is None else np.count_nonzero(drawn)
        mask = self._mask_state.mask if drawn is None else drawn
        for segment in self.accepted:
            if segment.voxels == voxels and segment.equals(mask) and self._host.holds(segment):
                return segment.name
        return ""

    def _checked_name(self, name: str | None) -> str:
        taken = {*(segment.name for segment in self.accepted), *self._host.taken_names()}
        chosen = free_name(taken) if name is None or not name.strip() else name.strip()
        if chosen in taken:
            raise SettingsError(f"a segment is called {chosen!r} already; choose another name")
        return chosen
