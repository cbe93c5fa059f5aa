"""FolderSource: a folder tree of scans as the source of a worklist."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..batch.naming import name_cases
from ..batch.source import Source, find_sources
from ..core import InputError, OptionError, Volume
from ..io import read_volume
from ..io.discovery import VOLUME_FORMATS
from ..localizer import LabelSettings
from .case import Case, ListedCase
from .patients import patient_of
from .sources import Names
from .store import WORKLIST_FOLDER

PICTURES = frozenset({"PNG", "JPEG", "TIFF"})


class FolderSource:
    """The volumes and DICOM series of a folder tree; pictures count if there is no volume.

    Args:
        root: an existing folder.
        unit: of voxels whose file names none.
        patient: regular expression whose first group is the patient in a path relative to ``root``.

    Raises:
        InputError: no such folder.
        OptionError: an expression that is damaged or has no group.
    """

    def __init__(self, root: Path, *, unit: str | None = None, patient: str = "") -> None:
        if not root.is_dir():
            raise InputError(f"{root}: no such folder; give one with scans")
        self.root = root.resolve()
        self._unit = unit
        self._patient = compiled(patient)

    @property
    def title(self) -> str:
        """The folder's name."""
        return self.root.name

    def list_cases(self, names: Names, salt: str) -> Sequence[ListedCase]:
        """List the volumes of the tree; see :meth:`CaseSource.list_cases`."""
        sources = self._sources()
        named = name_cases(sources, names)
        return [self._listed(source, named[source.key], salt) for source in sources]

    def read(self, case: Case) -> Volume:
        """Read the volume of a case."""
        return read_volume(self.root / case.file, series=case.series or None, unit=self._unit)

    def settings(self, case: Case) -> LabelSettings | None:  # noqa: ARG002  part of the protocol
        """Every label map is made with the model's own settings."""
        return None

    def picture(self, case: Case) -> Path | None:  # noqa: ARG002  part of the protocol
        """There are no earlier results."""
        return None

    def _sources(self) -> tuple[Source, ...]:
        skipped = self.root / WORKLIST_FOLDER
        try:
            return find_sources(self.root, skipped=skipped)
        except InputError:
            return find_sources(self.root, skipped=skipped, formats=VOLUME_FORMATS | PICTURES)

    def _listed(self, source: Source, name: str, salt: str) -> ListedCase:
        patient = patient_of(source, self._patient, salt)
        return ListedCase(source.series or source.file, name, source.file, source.series, patient)


def compiled(expression: str) -> re.Pattern[str] | None:
    """Return a regular expression for patients; None for an empty text.

    Raises:
        OptionError: an expression that is damaged or has no group.
    """
    if not expression:
        return None
    try:
        compiled = re.compile(expression)
    except re.error as error:
        raise OptionError("patient", f"must be a regular expression, got {expression!r} ({error})") from error
    if not compiled.groups:
        raise OptionError("patient", rf"needs a group for the patient, such as (P\d+), got {expression!r}")
    return compiled
