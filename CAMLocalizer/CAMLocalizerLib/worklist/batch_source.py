"""BatchSource: the results of ``camlocalizer batch`` as the source of a worklist."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..batch.batch_tables import CASES_FILE, read_cases
from ..batch.plan import PLAN_FILE
from ..batch.source import Source
from ..case_files import CASE_FILES
from ..core import MM3_PER_ML, CAMLocalizerError, InputError, Volume
from ..io import read_volume
from ..localizer import LabelSettings, RunOptions
from ..localizer.probability import TUMOUR_PROBABILITY
from .case import Case, Finding, ListedCase
from .folder_source import compiled
from .patients import patient_of
from .sources import Names

ASKED = ("view", "map", "precision", "batch_size", "unit")


class BatchSource:
    """The cases of a batch, with what it found; the volumes are read from the archive.

    Args:
        results: folder of the results.
        archive: folder or table that the batch was given; looked for beside the results if not given.
        patient: as for :class:`FolderSource`.

    Raises:
        InputError: not the results of a batch, or the archive was not found.
    """

    def __init__(self, results: Path, archive: Path | None = None, *, patient: str = "") -> None:
        self.results = results.resolve()
        self._plan = _plan(self.results)
        place = archive or self._found_archive()
        self.root = (place if place.is_dir() else place.parent).resolve()
        self._patient = compiled(patient)

    @property
    def title(self) -> str:
        """The folder's name."""
        return self.results.name

    @property
    def model(self) -> str:
        """Name of the batch's model."""
        return str(self._plan["model"])

    def options(self, model: str, device: str) -> RunOptions:
        """Return how the batch ran its model."""
        asked: dict[str, Any] = {name: self._plan.get(name) for name in ASKED}
        return RunOptions(model=model, device=device, **asked)

    def list_cases(self, names: Names, salt: str) -> Sequence[ListedCase]:  # noqa: ARG002  the batch named its cases
        """List the cases of the batch, with what it found; see :meth:`CaseSource.list_cases`."""
        listed = read_cases(self.results)
        if not listed:
            raise InputError(f"{self.results / CASES_FILE}: lists no case; run camlocalizer batch first")
        return [self._listed(file, series, name, salt) for (file, series), name in listed.items()]

    def read(self, case: Case) -> Volume:
        """Read the volume of a case from the archive."""
        return read_volume(self.root / case.file, series=case.series or None, unit=self._plan.get("unit"))

    def settings(self, case: Case) -> LabelSettings | None:
        """Return how the batch made the label map; None if the case failed there.

        Raises:
            InputError: a report whose settings cannot be read.
        """
        report = self._report(case.name)
        try:
            return None if report is None else LabelSettings.from_json(report["label_settings"])
        except (CAMLocalizerError, KeyError, TypeError, ValueError) as error:
            path = self.results / case.name / CASE_FILES["report"]
            raise InputError(f"{path}: its settings cannot be read ({error}); run camlocalizer batch again") from error

    def picture(self, case: Case) -> Path | None:
        """Return the batch's overview of a case."""
        path = self.results / case.name / CASE_FILES["picture"]
        return path if path.is_file() else None

    def _listed(self, file: str, series: str, name: str, salt: str) -> ListedCase:
        source = Source(self.root / file, file, series, dicom=bool(series))
        report = self._report(name)
        finding = None if report is None else finding_of(report)
        return ListedCase(series or file, name, file, series, patient_of(source, self._patient, salt), finding)

    def _report(self, name: str) -> Mapping[str, Any] | None:
        try:
            text = (self.results / name / CASE_FILES["report"]).read_text(encoding="utf-8")
            report: Mapping[str, Any] = json.loads(text)
        except (OSError, ValueError):
            return None
        return report

    def _found_archive(self) -> Path:
        """Find the folder or table whose checksum the batch recorded."""
        wanted = self._plan.get("input_path_sha256")
        for path in _places(self.results):
            if hashlib.sha256(os.fsencode(path)).hexdigest() == wanted:
                return path
        raise InputError(
            f"{self.results}: the archive of these results is not near them; give the folder of scans with --folder"
        )


def is_batch(folder: Path) -> bool:
    """Return whether a folder holds the results of a batch."""
    return (folder / PLAN_FILE).is_file()


def finding_of(report: Mapping[str, Any]) -> Finding | None:
    """Return what a report says that was found; None for a report of an older release."""
    try:
        model, found = report["model"], bool(report["tumour_found"])
        types = report["class_probabilities"]
        return Finding(
            tumour=found,
            probability=float(report["volume_probability"]),
            limit=TUMOUR_PROBABILITY,
            volume_ml=sum(entry["volume_mm3"] for entry in report["components"]) / MM3_PER_ML,
            type=max(types, key=lambda name: types[name]) if found and types else "",
            model=f"{model['name']} {model['version']}",
            model_sha256=model["sha256"],
            classes=tuple(report["probabilities"][0]["classes"]) if report["probabilities"] else (),
            tumour_classes=tuple(types),
        )
    except (KeyError, TypeError, ValueError, IndexError):
        return None


def _plan(results: Path) -> dict[str, Any]:
    path = results / PLAN_FILE
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: is missing or damaged; expected the folder of a batch") from error
    if not isinstance(plan, dict) or not re.fullmatch(r"[\w.-]+", str(plan.get("model", ""))):
        raise InputError(f"{path}: does not name a model; expected the folder of a batch")
    return plan


def _places(results: Path) -> Iterable[Path]:
    """Yield folders and tables around a folder of results: those above it and those beside each of them."""
    for folder in results.parents:
        yield folder
        try:
            yield from sorted(folder.iterdir())
        except OSError:
            continue
