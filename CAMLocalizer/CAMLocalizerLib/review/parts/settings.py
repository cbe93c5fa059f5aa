"""Threshold, scales and smallest region: sliders that the picture follows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...localizer import LabelSettings
from ...segment import USUAL_BORDERS
from ...segment import Threshold as Rule
from ...segment.levels import ActivationLevels
from ...workbench import Change, Review
from ..desk import Desk
from ..pictures import histogram_path, map_address
from ..state import Histogram, Rules, ScaleChoice, ScalePictures, Scales, Threshold

BINS = 64
HISTOGRAM_SIZE = (256, 48)  # of the drawing that the page stretches
PICTURE_SIZE = 96
LOWEST_PERCENTILE = 50.0
DEFAULT_PERCENTILE = 99.0
FRACTION_STEP = 0.005
PERCENTILE_STEP = 0.05


class SettingsPart:
    """Shows and takes the settings of the label map."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        desk.gesture("threshold", self.set_threshold, draws=True)
        desk.gesture("method", self.set_method, draws=True)
        desk.gesture("scale", self.set_scale, draws=True)
        desk.gesture("weight", self.set_weight, draws=True)
        desk.gesture("smallest", self.set_smallest, draws=True)
        desk.gesture("probability_limit", self.set_probability_limit, draws=True)
        desk.gesture("uptake_border", self.set_uptake_border, draws=True)
        desk.gesture("keep_largest", self.set_keep_largest, draws=True)
        desk.gesture("refinement", self.set_refinement, draws=True)
        desk.gesture("reset", lambda: desk.review.reset(), draws=True)
        desk.on_change(self._on_change)
        desk.on_gesture(self._without_review)
        desk.on_rest(self._on_rest)
        self._histogram_is_old = True

    def set_threshold(self, position: float, preview: bool = False) -> None:
        """Put the threshold where the slider stands.

        Args:
            position: activation, or percentile if that is the method.
            preview: whether the hand still moves.
        """
        review = self._desk.review
        form = "q{:.6g}" if Rule.parse(review.settings.threshold).method == "percentile" else "{:.6g}"
        review.set_threshold(form.format(float(position)), preview=bool(preview))

    def set_method(self, method: str) -> None:
        """Give the threshold another way; the label map stays as it is where that can be.

        Args:
            method: ``fraction``, ``percentile`` or ``otsu``.
        """
        review = self._desk.review
        if method == "percentile":
            review.set_threshold(f"q{percentile_of(review.activation, review.threshold_value):.6g}")
        else:
            review.set_threshold("otsu" if method == "otsu" else f"{review.threshold_value:.4f}")

    def set_scale(self, scale: int, on: bool) -> None:
        """Use a scale or leave it out."""
        review = self._desk.review
        chosen = set(review.settings.scales)
        review.set_scales(chosen | {int(scale)} if on else chosen - {int(scale)})

    def set_weight(self, scale: int, weight: float, preview: bool = False) -> None:
        """Give a scale more or less weight."""
        self._desk.review.set_weight(int(scale), float(weight), preview=bool(preview))

    def set_smallest(self, volume_ml: float, preview: bool = False) -> None:
        """Leave smaller regions out."""
        self._desk.review.set_min_volume_ml(float(volume_ml), preview=bool(preview))

    def set_probability_limit(self, limit: float, preview: bool = False) -> None:
        """Leave out what images show whose tumour probability is lower."""
        self._desk.review.set_probability_limit(float(limit), preview=bool(preview))

    def set_uptake_border(self, border: str) -> None:
        """Draw borders at another uptake."""
        self._desk.review.set_uptake_border(str(border))

    def set_keep_largest(self, count: int) -> None:
        """Keep so many of the largest regions; all if 0."""
        self._desk.review.set_keep_largest(int(count) or None)

    def set_refinement(self, method: str) -> None:
        """Draw borders to the edges of the image, or as the threshold does."""
        self._desk.review.set_refinement(method)

    def _without_review(self) -> None:
        if self._desk.workbench.review is None:
            self._desk.page.show(Threshold())
            self._desk.page.show(Histogram())

    def _on_change(self, review: Review, changes: frozenset[Change]) -> None:
        if changes & {Change.SETTINGS, Change.LABEL_MAP, Change.ACTIVATION}:
            self._desk.page.show(threshold_state(review))
            self._desk.page.show(rules_state(review.settings))
            self._desk.page.show(Scales(scale_choices(review)))
        if Change.ACTIVATION in changes:
            self._histogram_is_old = True

    def _on_rest(self) -> None:
        review = self._desk.workbench.review
        if review is None or not self._histogram_is_old:
            return
        self._histogram_is_old = False
        self._desk.page.show(Histogram(histogram_path(review.histogram(BINS), HISTOGRAM_SIZE)))
        maps = review.scale_maps
        self._desk.page.show(ScalePictures(tuple(map_address(maps[scale], PICTURE_SIZE) for scale in sorted(maps))))


def threshold_state(review: Review) -> Threshold:
    """Return what the page shows of a review's threshold."""
    rule = Rule.parse(review.settings.threshold)
    value = review.threshold_value
    kept = [component for component in review.components if component.kept]
    shared: dict[str, Any] = {
        "ready": True,
        "value": round(min(value, 1.0), 5),
        "volume": volume_text(review.volume_ml),
        "regions": f"in {len(kept)} region{'' if len(kept) == 1 else 's'}" if kept else "no region",
    }
    if rule.method == "percentile":
        low = min(LOWEST_PERCENTILE, rule.level)
        text = f"{rule.level:.4g} % below, level {value:.3f}"
        return Threshold(
            method="percentile", position=rule.level, low=low, high=100.0, step=PERCENTILE_STEP, text=text, **shared
        )
    if rule.method == "otsu":
        return Threshold(method="otsu", position=value, step=FRACTION_STEP, text=f"level {value:.3f}", **shared)
    return Threshold(method="fraction", position=rule.level, step=FRACTION_STEP, text=f"level {value:.3f}", **shared)


def rules_state(settings: LabelSettings) -> Rules:
    """Return what the page shows of the further settings."""
    return Rules(
        settings.min_volume_ml,
        settings.probability_limit,
        settings.keep_largest or 0,
        settings.refinement,
        settings.uptake_border,
        USUAL_BORDERS if settings.uptake_border else (),
    )


def scale_choices(review: Review) -> tuple[ScaleChoice, ...]:
    """Return the scales of a model, finest first."""
    settings = review.settings
    return tuple(ScaleChoice(scale, str(scale), scale in settings.scales, weight) for scale, weight in settings.weights)


def volume_text(volume_ml: float) -> str:
    """Return a volume with as many digits as are worth reading."""
    digits = 3 if volume_ml < 0.1 else 2 if volume_ml < 10 else 1 if volume_ml < 1000 else 0
    return f"{volume_ml:.{digits}f} ml"


def percentile_of(activation: NDArray[np.float32], value: float) -> float:
    """Return the percentage of the contributing voxels that lie below a level, at most 99.99."""
    levels = ActivationLevels(activation)
    if not levels.contributing:
        return DEFAULT_PERCENTILE
    above = int(levels.at_or_above(np.array([max(value, 1e-6)], dtype=np.float32))[0])
    return min(max(round(100 * (1 - above / levels.contributing), 2), 0.0), 99.99)
