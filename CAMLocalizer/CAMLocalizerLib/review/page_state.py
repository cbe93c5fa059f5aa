"""What the page shows, one record per part; the page never changes them, actions do."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Part:
    """A part of the page; in the page's templates it is called as its class in snake case."""

    @classmethod
    def key(cls) -> str:
        """Name in the page's templates: ``SliceState`` is ``slice_state``."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


@dataclass(frozen=True)
class Choice:
    """One entry of a list to choose from."""

    value: str
    label: str
    detail: str = ""


@dataclass(frozen=True)
class Scan(Part):
    """The volume on show and those that could be."""

    value: str = ""
    name: str = ""
    detail: str = ""
    choices: tuple[Choice, ...] = ()
    folder: str = ""
    busy: str = ""  # what is being read, empty if nothing


@dataclass(frozen=True)
class Model(Part):
    """The model that will look, and those that could."""

    value: str = ""
    detail: str = ""
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Run(Part):
    """The run of the model."""

    running: bool = False
    done: int = 0
    total: int = 0
    text: str = ""
    blocker: str = ""
    question: str = ""  # asked before a run that would lose something


@dataclass(frozen=True)
class Threshold(Part):
    """Threshold, the histogram behind it, and the volume it gives."""

    ready: bool = False
    methods: tuple[Choice, ...] = ()
    method: str = "fixed"
    position: float = 0.5  # of the slider
    low: float = 0.0
    high: float = 1.0
    step: float = 0.005
    text: str = ""
    value: float = 0.5  # activation from which on a voxel belongs to the tumour
    volume: str = ""
    components: str = ""


@dataclass(frozen=True)
class Histogram(Part):
    """Voxels per step of activation."""

    path: str = ""


@dataclass(frozen=True)
class ScaleChoice:
    """One scale of the model."""

    scale: int
    label: str
    on: bool
    weight: float


@dataclass(frozen=True)
class Scales(Part):
    """The scales that are put together."""

    rows: tuple[ScaleChoice, ...] = ()


@dataclass(frozen=True)
class ScalePictures(Part):
    """What each scale saw on the strongest slice, as data addresses of PNG pictures, in the order of the scales."""

    pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rules(Part):
    """Which slices and components are left out, and where borders are drawn."""

    min_volume_ml: float = 0.0
    probability_limit: float = 0.0
    keep_largest: int = 0  # 0 keeps all
    refinement: str = "none"
    uptake_border: str = ""  # empty for models of slices
    borders: tuple[Choice, ...] = ()
    refinements: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Images(Part):
    """Tumour probability of each image that the model ran on."""

    path: str = ""
    count: int = 0
    limit: float = 0.0
    kind: str = "slice"
    labels: tuple[str, ...] = ()
    probabilities: tuple[float, ...] = ()


@dataclass(frozen=True)
class CurrentImage(Part):
    """Which image of the plot the views show; -1 for none."""

    index: int = -1


@dataclass(frozen=True)
class ComponentRow:
    """One component of the label map."""

    label: int
    volume: str
    peak: str
    place: str
    kept: bool
    suv: tuple[str, ...] = ()  # PET measures, empty for other volumes
    left_out: bool = False  # a candidate that the threshold leaves out


@dataclass(frozen=True)
class ComponentList(Part):
    """The components of the label map, largest first."""

    rows: tuple[ComponentRow, ...] = ()
    more: int = 0  # smaller ones that are not listed
    total: tuple[str, ...] = ()  # PET measures of all that are kept


@dataclass(frozen=True)
class History(Part):
    """What undo and redo would do, and why an action is disabled."""

    undo: str = ""
    redo: str = ""
    undo_blocker: str = "Nothing to undo yet."
    redo_blocker: str = "Nothing to redo."
    accept_blocker: str = "Find tumours first."
    export_blocker: str = "Find tumours first."


@dataclass(frozen=True)
class AcceptedRow:
    """One accepted segment."""

    index: int
    name: str
    volume: str
    settings: str


@dataclass(frozen=True)
class Accepted(Part):
    """What was accepted."""

    rows: tuple[AcceptedRow, ...] = ()
    unsaved: bool = False  # some of it was not exported yet


@dataclass(frozen=True)
class Look(Part):
    """How the views look."""

    overlay: bool = True
    opacity: float = 0.5
    outline: bool = True
    fill: bool = False
    level: float = 0.0  # window of the scan
    width: float = 1.0
    low: float = 0.0  # of its values
    high: float = 1.0
    legend: str = ""  # CSS colours of activation 0 to 1


@dataclass(frozen=True)
class SliceState:
    """Where a slice view stands."""

    offset: float = 0.0
    low: float = 0.0
    high: float = 1.0
    step: float = 1.0
    number: int = 1
    count: int = 1
    left: str = "R"
    right: str = "L"
    top: str = "A"
    bottom: str = "P"


@dataclass(frozen=True)
class ExportRow:
    """A check box for a further file of the export."""

    name: str
    title: str
    hint: str
    on: bool
    blocker: str = ""


@dataclass(frozen=True)
class Exports(Part):
    """The further files that can be exported."""

    rows: tuple[ExportRow, ...] = ()


@dataclass(frozen=True)
class ExportedFile:
    """One file to download."""

    name: str
    label: str
    size: str
    address: str


@dataclass(frozen=True)
class Exported(Part):
    """What was exported last."""

    folder: str = ""
    files: tuple[ExportedFile, ...] = ()
    count: int = 0  # of exports so far


@dataclass(frozen=True)
class ArchiveState(Part):
    """The archive that the cases came from; ``host`` is empty without one."""

    host: str = ""
    searching: bool = False
    sending: str = ""  # name of the case that is being sent
    send_blocker: str = "Find tumours first."


@dataclass(frozen=True)
class CaseRow:
    """One case of a worklist."""

    id: int
    name: str
    status: str
    detail: str  # probability and volume, or why it failed
    answer: str
    picture: str = ""  # address of the thumbnail


@dataclass(frozen=True)
class KeyButton:
    """A button that answers, and its key."""

    key: str
    label: str
    hint: str
    group: str
    on: bool = False
    blocker: str = ""


@dataclass(frozen=True)
class Worklist(Part):
    """How far a worklist is, and what is being done for it."""

    on: bool = False
    title: str = ""
    reader: str = ""
    total: int = 0
    progress: str = ""
    background: str = ""
    goes_on: bool = True
    labels_slices: bool = False


@dataclass(frozen=True)
class WorklistRows(Part):
    """The cases of a worklist that the list shows; the order has many more."""

    first: int = 0
    rows: tuple[CaseRow, ...] = ()


@dataclass(frozen=True)
class CurrentCase(Part):
    """The case on show; ``id`` is 0 for none, and ``index`` is its place in the order."""

    id: int = 0
    index: int = -1
    name: str = ""
    status: str = ""


@dataclass(frozen=True)
class Answers(Part):
    """What can be said of the case on show, or of a slice, and what was said."""

    buttons: tuple[KeyButton, ...] = ()
    subject: str = ""


@dataclass(frozen=True)
class SliceMark:
    """A labelled slice in the plot of probabilities."""

    index: int
    tumour: bool


@dataclass(frozen=True)
class SliceMarks(Part):
    """The slices that were labelled."""

    marks: tuple[SliceMark, ...] = ()


@dataclass(frozen=True)
class Notice(Part):
    """One sentence to the reviewer."""

    text: str = ""
    kind: str = "info"  # or "error"
    number: int = 0


PARTS: tuple[type[Part], ...] = tuple(Part.__subclasses__())


class PageState:
    """The parts of the page in trame's state.

    Args:
        state: of the trame server.
    """

    def __init__(self, state: Any) -> None:
        self._state = state
        self._shown: dict[str, Part] = {}
        for part in PARTS:
            self.show(part())

    def show(self, part: Part) -> None:
        """Show a part as it is now; costs nothing if it is as it was."""
        key = part.key()
        if self._shown.get(key) != part:
            self._shown[key] = part
            self._state[key] = asdict(part)

    def shown(self, kind: type[Part]) -> Any:
        """Return a part as it is shown."""
        return self._shown[kind.key()]

    def show_slice(self, view: str, state: SliceState) -> None:
        """Show where a slice view stands."""
        self._state[f"slice_{view}"] = asdict(state)

    def forget_notice(self) -> None:
        """Say the last sentence no more: whoever opens the page next has not caused it."""
        self.show(Notice())

    def notice(self, text: str, *, error: bool = False) -> None:
        """Say a sentence to the reviewer."""
        number = self._shown[Notice.key()].number + 1  # type: ignore[attr-defined]
        self.show(Notice(text, "error" if error else "info", number))
