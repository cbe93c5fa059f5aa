"""The components of a review, and the changes that reject and keep them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core import MM3_PER_ML, SettingsError, SuvMeasures, is_suv
from ...localizer import Findings
from ...segment import ComponentSet
from .mask_state import MaskState
from .review_state import Voxel


@dataclass(frozen=True)
class ReviewedComponent:
    """One connected component, kept or rejected.

    Args:
        label: 1 for the largest component, then counting down in volume.
        volume_ml: volume in millilitres.
        centre_lps_mm: centre of mass, LPS in mm.
        peak: highest activation within.
        peak_kji: voxel of it, first in storage order.
        voxels: number of voxels.
        kept: whether it belongs to the label map.
        suv: PET measures; None unless the volume is a PET in SUV.
        left_out: whether the threshold leaves it out; ``kept`` says whether the reviewer took it in all the same.
    """

    label: int
    volume_ml: float
    centre_lps_mm: tuple[float, float, float]
    peak: float
    peak_kji: Voxel
    voxels: int
    kept: bool
    suv: SuvMeasures | None = None
    left_out: bool = False


class ComponentChanges(ABC):
    """Components are named by their labels, clicked at by their place in the body."""

    found: Findings
    _mask_state: MaskState

    @abstractmethod
    def _drawn(self) -> NDArray[np.uint8] | None:
        """Return the label map as it was drawn by hand; None if it was not."""

    @abstractmethod
    def _reject(self, labels: Collection[int], text: str) -> bool:
        """Have exactly these components rejected and call the change ``text``."""

    @property
    def components(self) -> tuple[ReviewedComponent, ...]:
        """Components of the label map, largest first, also rejected ones; then those that the threshold leaves out.

        Of a label map that was drawn by hand these are its own components, all of them kept.
        """
        if (drawn := self._drawn()) is not None:
            return self._listed(self._mask_state.component_set_of(drawn))
        state = self._mask_state
        return self._listed(state.component_set, rejected=state.rejected, left_out=state.left_out)

    def _listed(
        self, component_set: ComponentSet, *, rejected: Collection[int] = (), left_out: Collection[int] = ()
    ) -> tuple[ReviewedComponent, ...]:
        return tuple(
            ReviewedComponent(
                entry.label,
                entry.volume_mm3 / MM3_PER_ML,
                entry.centre_lps_mm,
                0.0 if entry.peak is None else entry.peak,
                peak,
                entry.voxels,
                entry.label not in rejected,
                entry.suv,
                entry.label in left_out,
            )
            for entry, peak in zip(self._mask_state.measured(component_set), component_set.peaks_kji, strict=True)
        )

    @property
    def suv_total(self) -> SuvMeasures | None:
        """PET measures of all components that are kept; None unless the volume is a PET in SUV."""
        if not is_suv(self.found.volume):
            return None
        kept = [component.suv for component in self.components if component.kept]
        return SuvMeasures.total([suv for suv in kept if suv is not None])

    def reject_component(self, label: int) -> bool:
        """Leave a component out.

        Raises:
            SettingsError: no component has this label.
        """
        return self._reject(self._mask_state.rejected | {self._known_label(label)}, f"reject component {label}")

    def restore_component(self, label: int) -> bool:
        """Take a rejected component in again.

        Raises:
            SettingsError: no component has this label.
        """
        return self._reject(self._mask_state.rejected - {self._known_label(label)}, f"keep component {label}")

    def toggle_component(self, label: int) -> bool:
        """Reject a kept component, keep a rejected one.

        Raises:
            SettingsError: no component has this label.
        """
        rejected = self._known_label(label) in self._mask_state.rejected
        return self.restore_component(label) if rejected else self.reject_component(label)

    def toggle_component_at(self, lps_mm: Sequence[float]) -> int:
        """Toggle the component at a position in the body.

        Args:
            lps_mm: LPS, mm.

        Returns:
            Label of the component; 0 where there is none, or where the change was not made.
        """
        label = self.label_at(lps_mm)
        return label if label and self.toggle_component(label) else 0

    def label_at(self, lps_mm: Sequence[float]) -> int:
        """Return the label of the component, kept or rejected, at a position in LPS mm; 0 where there is none."""
        i, j, k = np.rint(self.found.volume.grid.to_ijk(lps_mm)).astype(int).tolist()
        inside = all(0 <= index < size for index, size in zip((i, j, k), self.found.volume.grid.size, strict=True))
        return self._mask_state.component_set.label_at((k, j, i)) if inside else 0

    def _known_label(self, label: int) -> int:
        """Return the label that a listed component has in the label map as it was before anything was drawn by hand."""
        drawn = self._drawn()
        listed = self._mask_state.component_set if drawn is None else self._mask_state.component_set_of(drawn)
        if not 1 <= label <= len(listed):
            raise SettingsError(f"there is no component {label}, only {len(listed)}")
        if drawn is None:
            return label
        if found := self._mask_state.component_set.label_at(listed.peaks_kji[label - 1]):
            return found
        raise SettingsError(f"component {label} was drawn by hand; erase it where it was drawn")
