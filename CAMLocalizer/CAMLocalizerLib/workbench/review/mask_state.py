"""MaskState: what the present state of a review gives."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...core import is_suv
from ...localizer import CandidateLocalization, Findings, measured_components
from ...segment import ActivationLevels, Component, ComponentSet, Threshold
from .changes import Change
from .mask_engine import mask_engine
from .review_state import ReviewState

if TYPE_CHECKING:
    from ...measure import SuvMeter


class MaskState:
    """Activation, components and mask of a state, kept up to date with as little work as a change asks for.

    Args:
        found: what the model saw.
        state: to begin with.
    """

    def __init__(self, found: Findings, state: ReviewState) -> None:
        self._found = found
        self._engine = mask_engine(found)
        self._volume = found.volume
        self._measured: tuple[ComponentSet, tuple[Component, ...]] | None = None
        self._drawn: tuple[NDArray[np.uint8], ComponentSet] | None = None
        self.rough = False
        self.activation = self._engine.fuse(state.settings)
        self.threshold_value = Threshold.parse(state.settings.threshold).value(self.levels)
        self._find_components(state, rough=False)
        self.mask = np.zeros(found.volume.grid.shape_kji, dtype=np.uint8)
        self.rejected: frozenset[int] = frozenset()
        self._reject(state)

    def update(self, before: ReviewState, after: ReviewState, *, rough: bool) -> set[Change]:
        """Compute what ``after`` needs that ``before`` did not.

        Args:
            before: the state so far.
            after: the state to come.
            rough: leave a refinement out while the user is still moving a control.

        Returns:
            What is different now.

        Raises:
            SettingsError: settings that the findings do not allow; nothing is changed then.
        """
        old, new = before.settings, after.settings
        rough = rough and new.refinement != "none"
        changes: set[Change] = set() if old == new else {Change.SETTINGS}
        if old.fusing() != new.fusing():
            self.activation = self._engine.fuse(new)
            changes.add(Change.ACTIVATION)
        if changes or rough != self.rough:
            self.threshold_value = Threshold.parse(new.threshold).value(self.levels)
            self._find_components(after, rough=rough)
            self.rough = rough
            changes |= {Change.LABEL_MAP, Change.COMPONENTS}
        if Change.LABEL_MAP in changes or after.rejected(self.component_set, self.left_out) != self.rejected:
            self._reject(after)
            changes |= {Change.LABEL_MAP, Change.COMPONENTS}
        if before.accepted != after.accepted:
            changes.add(Change.ACCEPTED)
        return changes

    @property
    def components(self) -> tuple[Component, ...]:
        """The components, largest first, with PET measures if the volume is a PET in SUV; measured when asked for."""
        return self.measured(self.component_set)

    def measured(self, component_set: ComponentSet) -> tuple[Component, ...]:
        """Return components with PET measures if the volume is a PET in SUV; the last ones are remembered."""
        if self._measured is None or self._measured[0] is not component_set:
            self._measured = component_set, measured_components(component_set, self._volume, self._meter)
        return self._measured[1]

    def component_set_of(self, mask: NDArray[np.uint8]) -> ComponentSet:
        """Return the components of a mask that was drawn by hand; those of the last one are remembered.

        Args:
            mask: on the volume's grid; another one after every change.
        """
        if self._drawn is None or self._drawn[0] is not mask:
            self._drawn = mask, ComponentSet.of(mask, self._volume.grid, self.activation)
        return self._drawn[1]

    @cached_property
    def _meter(self) -> SuvMeter | None:
        if not is_suv(self._volume):
            return None
        from ...measure import SuvMeter  # only here: it takes long to import

        return SuvMeter(self._volume)

    @property
    def voxels(self) -> int:
        """Number of voxels of the mask."""
        counts = self.component_set.voxels
        return int(counts.sum() - counts[[label - 1 for label in self.rejected]].sum())

    @property
    def levels(self) -> ActivationLevels:
        """How many voxels the activation has at each level."""
        return self._engine.levels

    def _find_components(self, state: ReviewState, *, rough: bool) -> None:
        """Find the components, and after them those that the threshold leaves out but that may be added."""
        chosen = self._engine.component_set(state.settings, rough=rough)
        self.component_set, self.left_out = chosen, frozenset[int]()
        if isinstance(self._found, CandidateLocalization):
            self.component_set = chosen.followed_by(self._found.left_out(state.settings))
            self.left_out = frozenset(range(len(chosen) + 1, len(self.component_set) + 1))

    def _reject(self, state: ReviewState) -> None:
        self.rejected = state.rejected(self.component_set, self.left_out)
        self.component_set.write(self.mask, set(range(1, len(self.component_set) + 1)) - self.rejected)
