"""Host: what a review asks of the place where it is shown."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .accepted import AcceptedSegment
from .review_state import ReviewState


class Host(Protocol):
    """Where a review is shown and may be drawn upon by hand."""

    def may_change(self, before: ReviewState, after: ReviewState) -> bool:
        """Tell whether a change may be made; asks the reviewer where it would lose what was drawn by hand."""
        ...

    def edited_mask(self) -> NDArray[np.uint8] | None:
        """Return the voxels as the reviewer drew them by hand; None where nothing was drawn."""
        ...

    def taken_names(self) -> Collection[str]:
        """Return names that a newly accepted segment must not have."""
        ...

    def holds(self, segment: AcceptedSegment) -> bool:
        """Tell whether an accepted segment is where the next one would go, as it was accepted."""
        ...

    def corrected(self, segment: AcceptedSegment) -> AcceptedSegment | None:
        """Return an accepted segment with what was corrected by hand since; None if it was deleted."""
        ...


class NullHost:
    """A review without a scene: nothing is drawn by hand."""

    def may_change(self, before: ReviewState, after: ReviewState) -> bool:  # noqa: ARG002  part of the protocol
        """Everything may be changed."""
        return True

    def edited_mask(self) -> NDArray[np.uint8] | None:
        """Nothing was drawn."""
        return None

    def taken_names(self) -> Collection[str]:
        """Every name is free."""
        return ()

    def holds(self, segment: AcceptedSegment) -> bool:  # noqa: ARG002  part of the protocol
        """Nobody can take it away."""
        return True

    def corrected(self, segment: AcceptedSegment) -> AcceptedSegment | None:
        """Nobody can correct it."""
        return segment
