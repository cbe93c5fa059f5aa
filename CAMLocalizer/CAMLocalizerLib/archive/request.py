"""What is asked of an archive: which studies, and how each of them is dealt with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from ..core import InputError, OptionError
from .address import ArchiveAddress
from .client import STUDY_UID, Archive, Found, uid_of
from .query import Query
from .retries import FIRST_WAITS_S
from .sending import SENT_EXPORTS

NAME_DIGITS = 12


@dataclass(frozen=True)
class StudyOptions:
    """How studies of an archive are dealt with, alike for all of them.

    Args:
        query: conditions such as ``Modality=MR``, which series have to fit too.
        series_description: text or pattern of the SeriesDescription to take, whatever the model requires.
        store: send segmentation and measurement report back into the study.
        again: do studies that hold the same result already.
    """

    query: tuple[str, ...] = ()
    series_description: str = ""
    store: bool = False
    again: bool = False

    def exports(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return names of exports with those that are sent."""
        return tuple(dict.fromkeys([*names, *(SENT_EXPORTS if self.store else ())]))


@dataclass(frozen=True)
class ArchiveRequest:
    """Studies of an archive.

    Args:
        address: of the archive.
        study: which studies are meant and how they are dealt with.
        limit: number of studies at most; None for all.

    Raises:
        OptionError: a limit below 1, or the address of one study.
    """

    address: ArchiveAddress
    study: StudyOptions = field(default_factory=StudyOptions)
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise OptionError("limit", f"must be at least 1, got {self.limit}")
        if self.address.study:
            raise InputError(
                f"{self.address.host}: this is the address of one study; give it to camlocalizer localize, or give "
                "the archive's own with --query StudyInstanceUID=UID"
            )
        Query.parse(self.study.query)

    @property
    def place(self) -> str:
        """What tells these studies from others, as text."""
        return "\n".join([self.address.url, *sorted(self.study.query), self.study.series_description])


def search_studies(request: ArchiveRequest) -> list[Found]:
    """Search an archive for studies.

    Returns:
        What it says of each, as DICOM JSON, in its own order.

    Raises:
        InputError: no study fits.
        ArchiveError: the archive does not answer, lets nobody in, or does not speak DICOMweb.
    """
    conditions = Query.parse(request.study.query).studies
    with Archive(request.address) as archive:
        found = archive.studies(conditions, limit=request.limit, waits_s=FIRST_WAITS_S)
    if not found:
        raise InputError(f"{request.address.host}: no study of the archive fits the query; loosen it")
    return found


def find_studies(request: ArchiveRequest) -> list[str]:
    """Return the StudyInstanceUIDs of the studies that :func:`search_studies` finds; it raises the same errors."""
    return [uid_of(entry, STUDY_UID) for entry in search_studies(request)]


def study_case_name(study: str, series: str = "") -> str:
    """Return the name of the case folder of a study or series, which tells nobody whose it is."""
    kind, uid = ("series", series) if series else ("study", study)
    return f"{kind}-{hashlib.sha256(uid.encode()).hexdigest()[:NAME_DIGITS]}"
