"""Case: a scan of a worklist, what the model found in it and what the reader said."""

from __future__ import annotations

from dataclasses import dataclass, field

from .answers import Answer, State, Status, status_of


@dataclass(frozen=True)
class Finding:
    """What a model found in a case.

    Args:
        tumour: whether it holds a tumour for probable and marks one.
        probability: of a tumour, 0 to 1.
        limit: from which probability on a tumour is said to be there, 0 to 1.
        volume_ml: of the label map.
        type: most probable class of the tumour; empty without a tumour.
        model: name and version of the model.
        model_sha256: checksum of its weights.
        classes: of the model.
        tumour_classes: those of ``classes`` that are tumours.
    """

    tumour: bool
    probability: float
    limit: float
    volume_ml: float
    type: str = ""
    model: str = ""
    model_sha256: str = ""
    classes: tuple[str, ...] = ()
    tumour_classes: tuple[str, ...] = ()

    @property
    def uncertainty(self) -> float:
        """How near the probability is to its limit: 1 at the limit, 0 at the far end of its side."""
        side = 1 - self.limit if self.probability >= self.limit else self.limit
        return 1.0 if side == 0 else 1 - abs(self.probability - self.limit) / side


@dataclass(frozen=True)
class ListedCase:
    """A case as its source lists it.

    Args:
        key: identity: the path relative to the source, the SeriesInstanceUID, or in an archive the StudyInstanceUID.
        name: what lists and folders call it; without a patient's name.
        file: path relative to the source, with ``/``.
        series: SeriesInstanceUID; empty for a file.
        patient: cases with the same one are of the same patient; not a name.
        finding: what a model found earlier, if the source knows.
    """

    key: str
    name: str
    file: str
    series: str = ""
    patient: str = ""
    finding: Finding | None = None


@dataclass(frozen=True)
class Case:
    """A case of a worklist as one reader sees it; fields as in :class:`ListedCase` and :class:`Finding`.

    Args:
        id: number in the worklist.
        state: ``new``, ``found`` by the model, or ``failed``.
        sentence: why it failed.
        answer: of the reader.
        labelled_slices: how many slices the reader labelled.
    """

    id: int
    key: str
    name: str
    file: str
    series: str = ""
    patient: str = ""
    state: State = "new"
    sentence: str = ""
    tumour_found: bool | None = None
    probability: float | None = None
    uncertainty: float | None = None
    volume_ml: float | None = None
    type: str = ""
    model: str = ""
    model_sha256: str = ""
    answer: Answer = field(default_factory=Answer)
    labelled_slices: int = 0

    @property
    def status(self) -> Status:
        """What became of the case for the reader."""
        return status_of(self.state, self.tumour_found, self.answer)
