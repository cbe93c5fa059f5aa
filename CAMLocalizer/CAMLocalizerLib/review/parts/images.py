"""Tumour probability of each image that the model ran on, as a plot to jump from."""

from __future__ import annotations

from ...mrml import image_place
from ...workbench import Change, Review
from ..page_context import EVERYTHING, PageContext
from ..page_pictures import bars_path
from ..page_state import CurrentImage, Images

VIEWS = {"axial": "Red", "coronal": "Green", "sagittal": "Yellow"}  # where slices of a plane are shown
PLOT_SIZE = (1000, 40)  # of the drawing that the page stretches


class ImagesPart:
    """Shows the probabilities and jumps to images."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._labels: tuple[str, ...] = ()
        context.action("image", self.jump)
        context.on_change(self._on_change)
        context.on_action(self.show_current)
        context.views.on_slice(lambda *_: self.show_current())

    def jump(self, index: int, preview: bool = False) -> None:  # noqa: ARG002  every slider tells whether it moves
        """Show an image in the views of its plane."""
        self._context.workbench.jump_to_image(int(index))

    def show_current(self) -> None:
        """Show which image the views stand at."""
        if self._context.workbench.review is None:
            self._context.page.show(Images())
        index = self._context.workbench.image_in_view
        self._context.page.show(CurrentImage(-1 if index is None else index))

    def _on_change(self, review: Review, changes: frozenset[Change]) -> None:
        if changes == EVERYTHING:
            self._labels = self._labels_of(review)
        if changes == EVERYTHING or Change.SETTINGS in changes:
            self._context.page.show(images_state(review, self._labels))
            self.show_current()

    def _labels_of(self, review: Review) -> tuple[str, ...]:
        """Return how images are called: slices by the number that their view shows, projections by name."""
        found, view = review.found, VIEWS.get(review.found.view)
        if view is None:
            return tuple(map(str, found.image_labels))
        places = [image_place(found, index) for index in range(len(found.image_labels))]
        return tuple(f"Slice {self._context.views.number_at(view, place)}" for place in places)


def images_state(review: Review, labels: tuple[str, ...]) -> Images:
    """Return what the page shows of the probabilities.

    Args:
        review: the review.
        labels: how its images are called.
    """
    found = review.found
    probabilities = found.tumour_probabilities
    kind = f"{found.view} slice" if found.image_kind == "slice" else found.image_kind
    return Images(
        bars_path(probabilities, PLOT_SIZE),
        len(probabilities),
        review.settings.probability_limit,
        kind,
        labels,
        tuple(round(float(value), 3) for value in probabilities),
    )
