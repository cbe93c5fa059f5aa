"""ArchiveSource: studies of a DICOMweb archive as the source of a worklist."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..archive.client import PATIENT_ID, STUDY_UID, Archive, Found, uid_of, value_of
from ..archive.fetching import completeness_note, fetched_series, without_folder
from ..archive.request import ArchiveRequest, search_studies, study_case_name
from ..archive.search_terms import replaced_conditions
from ..archive.sending import send_case
from ..archive.series_choice import Requirements
from ..archive.series_search import choose_in_study, list_series
from ..core import CAMLocalizerError, InputError, Volume
from ..io import read_volume
from ..io.leftovers import clean_up_leftovers
from ..localizer import LabelSettings
from ..models import ModelCard
from .case import Case, ListedCase
from .patients import pseudonym
from .sources import Names

IMAGES = "images"  # where training looks for the studies, if somebody puts them there


class ArchiveSource:
    """The studies of an archive that fit a query, each with the series that suits the model.

    The images of a study are fetched into a hidden folder when it is read, and removed at once.

    Args:
        request: which studies.
        root: folder of the worklist and the results.
        card: of the model.
        unit: of voxels whose images name none.

    Raises:
        InputError: no study fits.
        ArchiveError: the archive does not answer, lets nobody in, or does not speak DICOMweb.
    """

    def __init__(self, request: ArchiveRequest, root: Path, card: ModelCard, *, unit: str | None = None) -> None:
        self.request = self._given = request
        self.root = root
        self._required = Requirements.of(card)
        self._unit = unit
        self._listed: list[Found] | None = search_studies(request)
        self._series: dict[str, str] = {}

    @property
    def title(self) -> str:
        """Host of the archive."""
        return self.request.address.host

    def list_cases(self, names: Names, salt: str) -> Sequence[ListedCase]:  # noqa: ARG002  studies name their cases
        """List the studies; see :meth:`CaseSource.list_cases`. The first time, those found at the beginning."""
        for path in self.root.glob(".study-*.*"):
            clean_up_leftovers(self.root / path.name.split(".")[1])
        found, self._listed = self._listed, None
        return [_listed(entry, salt) for entry in found or search_studies(self.request)]

    def search(self, terms: Sequence[str], salt: str) -> Sequence[ListedCase]:
        """Search for other studies, which are listed from now on.

        Args:
            terms: conditions from :func:`search_terms`; they add to those of the beginning or take their place.
            salt: for pseudonyms of patients.

        Raises:
            InputError: no study fits; those of before are listed further.
            ArchiveError: the archive fails.
        """
        study = self._given.study
        asked = replace(self._given, study=replace(study, query=replaced_conditions(study.query, terms)))
        cases = [_listed(entry, salt) for entry in search_studies(asked)]
        self.request = asked
        return cases

    def read(self, case: Case) -> Volume:
        """Fetch the series of a study that suits the model, and read it; its notes say which series and why."""
        study = case.key
        with Archive(self.request.address) as archive:
            listed = list_series(archive, study)
            choice = choose_in_study(archive, study, listed, self._required, self.request.study)
            with fetched_series(archive, study, choice.series.uid, self.root / case.name) as folder:
                try:
                    volume = read_volume(folder, unit=self._unit)
                except CAMLocalizerError as error:
                    raise without_folder(error, folder) from error
                complete = completeness_note(folder)
        self._series[study] = choice.series.uid
        return replace(volume, notes=(*volume.notes, choice.reason, *filter(None, [complete])))

    def settings(self, case: Case) -> LabelSettings | None:  # noqa: ARG002  part of the protocol
        """Every label map is made with the model's own settings."""
        return None

    def picture(self, case: Case) -> Path | None:  # noqa: ARG002  part of the protocol
        """There are no earlier results."""
        return None

    def send(self, case: Case, write: Callable[[Path], Path]) -> None:
        """Write the results of a case and send segmentation and report into its study.

        Args:
            case: one that was read.
            write: writes them, given the folder of the series that they refer to, and returns their folder.

        Raises:
            InputError: the case was not read, or its series has changed.
            ArchiveError: the study was deleted, or the archive refused something; results that were written stay.
            OutputError: they cannot be written.
        """
        series = self._series.get(case.key)
        if series is None:
            raise InputError(f"{case.name}: its images were not read yet; open the case first")
        with (
            Archive(self.request.address) as archive,
            fetched_series(archive, case.key, series, self.root / case.name) as folder,
        ):
            try:
                results = write(folder)
            except CAMLocalizerError as error:
                raise without_folder(error, folder) from error
            send_case(archive, results)


def _listed(found: Found, salt: str) -> ListedCase:
    study = uid_of(found, STUDY_UID)
    name, identity = study_case_name(study), value_of(found, PATIENT_ID)
    return ListedCase(study, name, f"{IMAGES}/{name}", patient=pseudonym(identity, salt) if identity else name)
