"""Slice views that go to what a review shows, and which image they show."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import SettingsError
from ...mrml import image_in_view, jump_slices, jump_to_image, move_crosshair
from ..review.review import Review


class ViewNavigation:
    """From images and components of a review to slice views, and back."""

    scene: Any
    review: Review | None

    def jump_to_image(self, index: int) -> None:
        """Let the slice views go to an image, counted as the probabilities are."""
        if self.review is not None:
            jump_to_image(self.scene, self.review.found, index)

    def jump_to_component(self, label: int) -> None:
        """Let all slice views and the crosshair go to the highest activation of a component.

        Raises:
            SettingsError: no component has this label.
        """
        if self.review is None:
            return
        for component in self.review.components:
            if component.label == label:
                k, j, i = component.peak_kji
                place = self.review.found.volume.grid.to_lps((i, j, k)).tolist()
                jump_slices(self.scene, place)
                move_crosshair(self.scene, place)
                return
        raise SettingsError(f"there is no component {label}, only {len(self.review.components)}")

    @property
    def image_in_view(self) -> int | None:
        """Index of the image that a slice view shows; None where none does."""
        return None if self.review is None else image_in_view(self.scene, self.review.found)

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Tumour probability of each image, in the view's order; empty without a review."""
        return np.zeros(0, np.float32) if self.review is None else self.review.found.tumour_probabilities
