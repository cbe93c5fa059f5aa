"""Export: the files of a case whose volume came from the scene or a worklist."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core import LabelMap
from ...io import staged_folder
from ...localizer import Findings, LabelSettings, RunOptions

UNSAFE = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True, eq=False)
class ReviewResult:
    """What a review would export at a moment; it can be written by another thread while the review goes on.

    Args:
        found: what the model saw.
        settings: that the label map was made with.
        label_map: the accepted segments, or else what was on show.
        facts: what the reviewer did, for the report.
    """

    found: Findings
    settings: LabelSettings
    label_map: LabelMap
    facts: Mapping[str, Any]

    def export(self, folder: Path, name: str | None = None, **options: Any) -> Path:
        """Write the files of a case; further arguments and errors as for :func:`export_findings`."""
        run = {"review": self.facts}
        return export_findings(self.found, self.settings, self.label_map, folder, name, run=run, **options)


def export_findings(
    found: Findings,
    settings: LabelSettings,
    label_map: LabelMap,
    folder: Path,
    name: str | None = None,
    *,
    run: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    file_name: str | None = None,
    exports: Collection[str] = (),
    dicom_reference: str | Path | None = None,
    asked: RunOptions | None = None,
) -> Path:
    """Write the files of a case whose volume came from the scene.

    Args:
        found: what the model saw.
        settings: that the label map was made with.
        label_map: as it is to be written.
        folder: where the folder of the case is made.
        name: name of that folder; the volume's if not given.
        run: further settings for the report.
        overwrite: replace the files of an earlier export.
        file_name: what the report calls the input; the volume's name if not given.
        exports: names of further files.
        dicom_reference: the DICOM series that DICOM exports refer to.
        asked: how the model was run, so that an archive recognises the same question; None if that is not known.

    Returns:
        The folder of the case.

    Raises:
        SettingsError: an export that is not known.
        InputError: a DICOM export without a reference, or one of another grid.
        OutputError: the folder exists, cannot be written, or the disk is full.
    """
    from ...cases import exports_source, make_case, write_results

    reference = None if dicom_reference is None else Path(dicom_reference)
    source = exports_source(exports, None, reference=reference)
    target = folder / safe_name(name or found.volume.name)
    with staged_folder(target, overwrite) as staging:
        case = make_case(
            found,
            settings,
            file_name or found.volume.name,
            label_map=label_map,
            run=run,
            timings_s=found.timings_s,
            asked=asked,
        )
        write_results(case, staging, exports=exports, source=source)
    return target


def safe_name(text: str) -> str:
    """Return a text as the name of a folder on every system."""
    return UNSAFE.sub("_", text).strip("._ ") or "case"
