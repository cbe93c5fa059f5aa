"""ReviewState: everything about a review that can be undone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from ...localizer import LabelSettings
from ...segment import ComponentSet
from .accepted import AcceptedSegment

Voxel = tuple[int, int, int]


@dataclass(frozen=True)
class ReviewState:
    """A moment of a review.

    Args:
        settings: how the label map is made.
        rejected_kji: voxels of highest activation of the components that were rejected.
        kept_kji: those of the components that were kept when something was rejected.
        accepted: what was accepted so far.
        restored_kji: those of components that the threshold leaves out and the reviewer took in.
    """

    settings: LabelSettings
    rejected_kji: tuple[Voxel, ...] = ()
    kept_kji: tuple[Voxel, ...] = ()
    accepted: tuple[AcceptedSegment, ...] = ()
    restored_kji: tuple[Voxel, ...] = ()

    def changed(self, **changes: Any) -> ReviewState:
        """Return this state with some fields set otherwise."""
        return replace(self, **changes)

    def matches(self, other: ReviewState) -> bool:
        """Whether another state says the same, also if one of them was stored and read again."""
        keys, other_keys = ([segment.key for segment in state.accepted] for state in (self, other))
        return self.changed(accepted=()) == other.changed(accepted=()) and keys == other_keys

    def rejected(self, component_set: ComponentSet, left_out: Collection[int] = ()) -> frozenset[int]:
        """Return the labels of the components that do not belong to the label map.

        Args:
            component_set: of the present settings.
            left_out: labels of those that the threshold leaves out.

        Returns:
            Of the others those that hold a rejected voxel and no kept one, and those left out that were not restored.
        """
        out = {component_set.label_at(voxel) for voxel in self.rejected_kji}
        out -= {component_set.label_at(voxel) for voxel in self.kept_kji}
        restored = {component_set.label_at(voxel) for voxel in self.restored_kji}
        return frozenset((out - set(left_out) - {0}) | (set(left_out) - restored))

    def with_rejected(
        self, component_set: ComponentSet, labels: Collection[int], left_out: Collection[int] = ()
    ) -> ReviewState:
        """Return this state with exactly these of the present components rejected.

        Voxels remembered before follow the component that they lie in now; those in none keep what was said of them.
        """
        out = set(labels)
        restored = {voxel for voxel in self.restored_kji if component_set.label_at(voxel) not in out & set(left_out)}
        restored |= {component_set.peaks_kji[label - 1] for label in set(left_out) - out}
        after = self.changed(restored_kji=tuple(sorted(restored)))
        out -= set(left_out)
        if not self.rejected_kji and not out:
            return after
        rejected, kept = set(self.rejected_kji), set(self.kept_kji)
        known = {voxel: component_set.label_at(voxel) for voxel in rejected | kept}
        known |= {peak: label for label, peak in enumerate(component_set.peaks_kji, start=1)}
        for voxel, label in known.items():
            if label and label not in left_out:
                (rejected if label in out else kept).add(voxel)
                (kept if label in out else rejected).discard(voxel)
        return after.changed(rejected_kji=tuple(sorted(rejected)), kept_kji=tuple(sorted(kept)))
