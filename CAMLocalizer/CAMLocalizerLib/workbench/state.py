"""ReviewState: everything about a review that can be undone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from ..localizer import LabelSettings
from ..segment import Regions
from .accepted import AcceptedSegment

Voxel = tuple[int, int, int]


@dataclass(frozen=True)
class ReviewState:
    """A moment of a review.

    Args:
        settings: how the label map is made.
        rejected_kji: voxels of highest activation of the regions that were rejected.
        kept_kji: those of the regions that were kept when something was rejected.
        accepted: what was accepted so far.
    """

    settings: LabelSettings
    rejected_kji: tuple[Voxel, ...] = ()
    kept_kji: tuple[Voxel, ...] = ()
    accepted: tuple[AcceptedSegment, ...] = ()

    def changed(self, **changes: Any) -> ReviewState:
        """Return this state with some fields set otherwise."""
        return replace(self, **changes)

    def rejected(self, regions: Regions) -> frozenset[int]:
        """Return the labels of the regions that hold a rejected voxel and no kept one."""
        out = {regions.label_at(voxel) for voxel in self.rejected_kji}
        out -= {regions.label_at(voxel) for voxel in self.kept_kji}
        return frozenset(out - {0})

    def with_rejected(self, regions: Regions, labels: Collection[int]) -> ReviewState:
        """Return this state with exactly these of the present regions rejected.

        Voxels remembered before follow the region that they lie in now; those in none keep what was said of them.
        """
        if not self.rejected_kji and not labels:
            return self
        rejected, kept = set(self.rejected_kji), set(self.kept_kji)
        known = {voxel: regions.label_at(voxel) for voxel in rejected | kept}
        known |= {peak: label for label, peak in enumerate(regions.peaks_kji, start=1)}
        for voxel, label in known.items():
            if label:
                (rejected if label in labels else kept).add(voxel)
                (kept if label in labels else rejected).discard(voxel)
        return self.changed(rejected_kji=tuple(sorted(rejected)), kept_kji=tuple(sorted(kept)))
