"""What every user interface shows of a review, and how it reads its own controls: no widget, no words to translate."""

from __future__ import annotations

from dataclasses import dataclass

from ..segment import Threshold
from .review.review import Review

LOWEST_PERCENTILE = 50.0
PERCENTILE_STEP = 0.05
LEVEL_STEP = 0.005
OTSU_TIMES = 3.0  # Otsu's method supposes two kinds of tissue, and may take a whole half of the head for one
OTSU_FROM_ML = 1.0
OTSU_SHARE = 0.1  # of all tissue: few tumours are as large


@dataclass(frozen=True)
class ThresholdControl:
    """A slider for the threshold.

    Args:
        method: ``fixed``, ``percentile`` or ``otsu``.
        position: of the slider: activation from 0 to 1, or percent for ``percentile``.
        low: lowest position.
        high: highest position.
        step: between two positions.
        value: lowest activation that belongs to the tumour, at most 1.
    """

    method: str = "fixed"
    position: float = 0.5
    low: float = 0.0
    high: float = 1.0
    step: float = LEVEL_STEP
    value: float = 0.5

    @property
    def adjustable(self) -> bool:
        """Whether the position can be chosen; Otsu's method chooses it by itself."""
        return self.method != "otsu"


def threshold_control(review: Review) -> ThresholdControl:
    """Return how a slider shows the threshold of a review."""
    rule = Threshold.parse(review.settings.threshold)
    value = min(review.threshold_value, 1.0)
    if rule.method == "percentile":
        low = min(LOWEST_PERCENTILE, rule.level)
        return ThresholdControl("percentile", rule.level, low, 100.0, PERCENTILE_STEP, value)
    return ThresholdControl(rule.method, value if rule.method == "otsu" else rule.level, value=value)


def threshold_text(method: str, position: float) -> str:
    """Return the threshold that a position of the slider stands for; see :class:`ThresholdControl`."""
    return f"{'q' if method == 'percentile' else ''}{position:.6g}"


def set_threshold_position(review: Review, position: float, *, preview: bool = False) -> bool:
    """Put the threshold where a slider stands, whose positions mean what the present method says.

    Args:
        review: the review.
        position: see :class:`ThresholdControl`.
        preview: whether the slider is still moving.

    Returns:
        Whether the change was made.
    """
    method = Threshold.parse(review.settings.threshold).method
    return review.set_threshold(threshold_text(method, position), preview=preview)


def set_threshold_method(review: Review, method: str) -> bool:
    """Set the threshold by another method; the label map stays as it is where that method can give it.

    Args:
        review: the review.
        method: ``fixed``, ``percentile`` or ``otsu``.

    Returns:
        Whether the change was made.
    """
    return review.set_threshold(review.threshold_as(method))


def threshold_warning(review: Review) -> str:
    """Warn of Otsu's threshold where it marks a large part of the body, or much more than the model's own threshold."""
    own = Threshold.parse(review.found.default_settings().threshold)
    if Threshold.parse(review.settings.threshold).method != "otsu":
        return ""
    marked_ml, usual_ml, facts = review.volume_ml, review.volume_at(str(own)), []
    if review.tissue_ml and marked_ml >= OTSU_SHARE * review.tissue_ml:
        facts.append(f"{marked_ml / review.tissue_ml:.0%} of the tissue in the volume")
    if own.method != "otsu" and marked_ml >= max(OTSU_TIMES * usual_ml, OTSU_FROM_ML):
        facts.append(f"{marked_ml / usual_ml:.0f} times as much as" if usual_ml else "nothing of it marked by")
        facts[-1] += f" the model's own threshold of {own}"
    if not facts:
        return ""
    return (
        f"Otsu's threshold marks {volume_text(marked_ml)}, {' and '.join(facts)}: "
        "check it in the slice views, or choose another threshold."
    )


def volume_text(volume_ml: float) -> str:
    """Return a volume with as many digits as are worth reading."""
    digits = 3 if volume_ml < 0.1 else 2 if volume_ml < 10 else 1 if volume_ml < 1000 else 0
    return f"{volume_ml:.{digits}f} ml"


def kept_count(review: Review) -> int:
    """Return how many components belong to the label map."""
    return sum(component.kept for component in review.components)


def place_text(lps_mm: tuple[float, float, float]) -> str:
    """Return a place in the body as Slicer's Data Probe shows it: R 12.0, P 3.5, S 40.0."""
    left, posterior, superior = lps_mm
    axes = (("L", "R", left), ("P", "A", posterior), ("S", "I", superior))
    return ", ".join(f"{more if value > 0 else less} {abs(value):.1f}" for more, less, value in axes)
