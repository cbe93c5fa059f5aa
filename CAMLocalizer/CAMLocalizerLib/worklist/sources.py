"""CaseSource: where the cases of a worklist come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ..core import Volume
from ..localizer import LabelSettings
from .case import Case, ListedCase

Names = Mapping[tuple[str, str], str]


class CaseSource(Protocol):
    """A folder of scans, the results of a batch, or an archive.

    Methods may take long and are called from another thread than the user interface.
    """

    @property
    def root(self) -> Path:
        """The folder that the files of cases are relative to."""
        ...

    @property
    def title(self) -> str:
        """What the cases are called together."""
        ...

    def list_cases(self, names: Names, salt: str) -> Sequence[ListedCase]:
        """List all cases.

        Args:
            names: of cases that are known, by file and series; they stay.
            salt: for pseudonyms of patients.

        Raises:
            InputError: there are no cases, or they cannot be listed.
            ArchiveError: an archive fails.
        """
        ...

    def read(self, case: Case) -> Volume:
        """Read the volume of a case.

        Raises:
            InputError: it cannot be read.
            ArchiveError: an archive fails, or has no suitable series.
        """
        ...

    def settings(self, case: Case) -> LabelSettings | None:
        """Return how the label map of a case was made earlier; None for the model's own settings.

        Raises:
            InputError: that cannot be read.
        """
        ...

    def picture(self, case: Case) -> Path | None:
        """Return a picture of an earlier result; None without one."""
        ...
