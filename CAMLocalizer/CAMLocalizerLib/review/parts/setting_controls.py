"""Threshold, scales and smallest component: sliders that the picture follows."""

from __future__ import annotations

from collections.abc import Mapping

from ...localizer import LabelSettings
from ...workbench import Change, Review
from ...workbench.names import REFINEMENTS, THRESHOLD_METHODS, UPTAKE_BORDERS, component_count_text
from ...workbench.presenter import (
    kept_count,
    set_threshold_method,
    set_threshold_position,
    threshold_control,
    volume_text,
)
from ..page_context import PageContext
from ..page_pictures import histogram_path, map_address
from ..page_state import Choice, Histogram, Rules, ScaleChoice, ScalePictures, Scales, Threshold

BINS = 64
HISTOGRAM_SIZE = (256, 48)  # of the drawing that the page stretches
PICTURE_SIZE = 96


class SettingsPart:
    """Shows and takes the settings of the label map."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        context.action("threshold", self.set_threshold, draws=True)
        context.action("method", self.set_method, draws=True)
        context.action("scale", self.set_scale, draws=True)
        context.action("weight", self.set_weight, draws=True)
        context.action("smallest", self.set_smallest, draws=True)
        context.action("probability_limit", self.set_probability_limit, draws=True)
        context.action("uptake_border", self.set_uptake_border, draws=True)
        context.action("keep_largest", self.set_keep_largest, draws=True)
        context.action("refinement", self.set_refinement, draws=True)
        context.action("reset", lambda: context.review.reset(), draws=True)
        context.on_change(self._on_change)
        context.on_action(self._without_review)
        context.on_pause(self._on_pause)
        self._histogram_is_old = True

    def set_threshold(self, position: float, preview: bool = False) -> None:
        """Put the threshold where the slider stands.

        Args:
            position: activation, or percentile if that is the method.
            preview: whether the slider is still moving.
        """
        set_threshold_position(self._context.review, float(position), preview=bool(preview))

    def set_method(self, method: str) -> None:
        """Give the threshold another way; the label map stays as it is where that can be.

        Args:
            method: ``fixed``, ``percentile`` or ``otsu``.
        """
        set_threshold_method(self._context.review, str(method))

    def set_scale(self, scale: int, on: bool) -> None:
        """Use a scale or leave it out."""
        review = self._context.review
        chosen = set(review.settings.scales)
        review.set_scales(chosen | {int(scale)} if on else chosen - {int(scale)})

    def set_weight(self, scale: int, weight: float, preview: bool = False) -> None:
        """Give a scale more or less weight."""
        self._context.review.set_weight(int(scale), float(weight), preview=bool(preview))

    def set_smallest(self, volume_ml: float, preview: bool = False) -> None:
        """Leave smaller components out."""
        self._context.review.set_min_volume_ml(float(volume_ml), preview=bool(preview))

    def set_probability_limit(self, limit: float, preview: bool = False) -> None:
        """Leave out what images show whose tumour probability is lower."""
        self._context.review.set_probability_limit(float(limit), preview=bool(preview))

    def set_uptake_border(self, border: str) -> None:
        """Draw borders at another uptake."""
        self._context.review.set_uptake_border(str(border))

    def set_keep_largest(self, count: int) -> None:
        """Keep so many of the largest components; all if 0."""
        self._context.review.set_keep_largest(int(count) or None)

    def set_refinement(self, method: str) -> None:
        """Draw borders to the edges of the image, or as the threshold does."""
        self._context.review.set_refinement(method)

    def _without_review(self) -> None:
        if self._context.workbench.review is None:
            self._context.page.show(Threshold(methods=_choices(THRESHOLD_METHODS)))
            self._context.page.show(Histogram())

    def _on_change(self, review: Review, changes: frozenset[Change]) -> None:
        if changes & {Change.SETTINGS, Change.LABEL_MAP, Change.ACTIVATION}:
            self._context.page.show(threshold_state(review))
            self._context.page.show(rules_state(review.settings))
            self._context.page.show(Scales(scale_choices(review)))
        if Change.ACTIVATION in changes:
            self._histogram_is_old = True

    def _on_pause(self) -> None:
        review = self._context.workbench.review
        if review is None or not self._histogram_is_old:
            return
        self._histogram_is_old = False
        self._context.page.show(Histogram(histogram_path(review.histogram(BINS), HISTOGRAM_SIZE)))
        maps = review.scale_maps
        self._context.page.show(ScalePictures(tuple(map_address(maps[scale], PICTURE_SIZE) for scale in sorted(maps))))


def threshold_state(review: Review) -> Threshold:
    """Return what the page shows of a review's threshold."""
    control, kept = threshold_control(review), kept_count(review)
    level = f"level {review.threshold_value:.3f}"
    return Threshold(
        ready=True,
        methods=_choices(THRESHOLD_METHODS),
        method=control.method,
        position=control.position,
        low=control.low,
        high=control.high,
        step=control.step,
        text=f"{control.position:.4g} % below, {level}" if control.method == "percentile" else level,
        value=round(control.value, 5),
        volume=volume_text(review.volume_ml),
        components=component_count_text(kept) if kept else "no component",
    )


def rules_state(settings: LabelSettings) -> Rules:
    """Return what the page shows of the further settings."""
    return Rules(
        settings.min_volume_ml,
        settings.probability_limit,
        settings.keep_largest or 0,
        settings.refinement,
        settings.uptake_border,
        _choices(UPTAKE_BORDERS) if settings.uptake_border else (),
        _choices(REFINEMENTS),
    )


def _choices(names: Mapping[str, str]) -> tuple[Choice, ...]:
    return tuple(Choice(value, name) for value, name in names.items())


def scale_choices(review: Review) -> tuple[ScaleChoice, ...]:
    """Return the scales of a model, finest first."""
    settings = review.settings
    return tuple(ScaleChoice(scale, str(scale), scale in settings.scales, weight) for scale, weight in settings.weights)
