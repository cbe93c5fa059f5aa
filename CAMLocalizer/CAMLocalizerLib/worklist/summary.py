"""What a worklist keeps of the findings of a model."""

from __future__ import annotations

from ..localizer import Findings
from ..localizer.probability import TUMOUR_PROBABILITY
from ..segment import Threshold
from ..workbench import Review
from .case import Finding


def finding_of_review(review: Review) -> Finding:
    """Return what is listed of a review that nobody changed yet."""
    found = review.found
    card, located = found.card, bool(review.mask.any())
    tumour = located and found.tumour_probable
    types = found.class_probabilities
    return Finding(
        tumour=tumour,
        probability=float(found.volume_probability),
        limit=decision_limit(found),
        volume_ml=review.volume_ml,
        type=max(types, key=lambda name: types[name]) if tumour and types else "",
        model=f"{card.name} {card.version}",
        model_sha256=card.sha256,
        classes=tuple(card.classes),
        tumour_classes=tuple(card.tumour_classes),
    )


def decision_limit(found: Findings) -> float:
    """Return the probability from which on a model says that there is a tumour.

    That is 0.5, and for models of candidates the threshold that one of them has to reach.
    """
    rule = Threshold.parse(found.card.threshold)
    return rule.level if found.card.candidates and rule.method == "fixed" else TUMOUR_PROBABILITY
