"""What a further run on a volume keeps of its review."""

from __future__ import annotations

from ...localizer import Findings
from ..review.host import Host
from ..review.review import Review
from ..review.review_state import ReviewState

SETTINGS = "threshold, components and undo history"
ACCEPTED = "list of accepted segments"


def continued(before: Review | None, found: Findings, host: Host) -> Review:
    """Return the review of new findings, with all of the former review that still applies.

    Another run of the same model keeps everything. A run of another model keeps what was accepted. If the volume was
    moved, accepted segments stay where they were placed, and the review begins with none.

    Args:
        before: the former review of the volume; None without one.
        found: what the new run saw.
        host: where the review is shown.
    """
    if before is None:
        return Review(found, host=host)
    if same_place(before, found) and same_model(before, found):
        return Review(found, history=before.history, host=host)
    same = same_model(before, found) and before.found.volume.grid.size == found.volume.grid.size
    state = before.state if same else ReviewState(found.default_settings())
    accepted = before.accepted if same_place(before, found) else ()
    return Review(found, state=state.changed(accepted=accepted), host=host)


def losses(before: Review | None, *, model: bool, place: bool) -> str:
    """Say what of a review a further run would lose; empty if nothing.

    Args:
        before: the review; None without one.
        model: whether the run has the same model.
        place: whether the volume lies where it lay.
    """
    if before is None:
        return ""
    lost = [] if model or not before.touched else [SETTINGS]
    return " and ".join(lost if place or not before.accepted else [*lost, ACCEPTED])


def same_model(before: Review, found: Findings) -> bool:
    """Whether findings come from the model of a review."""
    cards = before.found.card, found.card
    (name, version, sha256), other = ((card.name, card.version, card.sha256) for card in cards)
    return (name, version, sha256) == other and before.found.scales == found.scales


def same_place(before: Review, found: Findings) -> bool:
    """Whether the volume of findings lies where it lay at a review."""
    return bool(before.found.volume.grid.matches(found.volume.grid))
