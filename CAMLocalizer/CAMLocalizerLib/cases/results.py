"""The files of a case folder."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ..case_files import CASE_FILES
from ..io import DicomSource, write_label_map, write_nifti, write_segmentation
from .components_table import write_components
from .exports import write_exports
from .overview import write_overview
from .provenance import provenance, provenance_line
from .report import CaseResult, write_report


def write_results(
    result: CaseResult, folder: Path, *, exports: Collection[str] = (), source: DicomSource | None = None
) -> None:
    """Write every file of a case into an existing folder, the report last, so that it knows what the others took.

    Args:
        result: the case.
        folder: an existing one.
        exports: names of further files, of :data:`EXPORT_FILES`.
        source: the DICOM series that DICOM exports refer to.

    Raises:
        SettingsError: an export that is not known.
        InputError: a DICOM export without a source.
        OutputError: the folder cannot be written or the disk is full.
    """
    begin = time.perf_counter()
    volume, line = result.localization.volume, provenance_line(result)
    own: dict[str, Any] = {"description": line, "comment": json.dumps(provenance(result)), "matrices": volume.matrices}
    facts = {"CAMLocalizer.Provenance": own["comment"]}
    write_label_map(result.label_map, folder / CASE_FILES["label map"], **own)
    write_nifti(result.activation, volume.grid, folder / CASE_FILES["activation"], **own)
    write_segmentation(result.label_map, folder / CASE_FILES["segmentation"], facts=facts)
    write_components(result, folder / CASE_FILES["table"])
    written = time.perf_counter()
    write_overview(result, folder / CASE_FILES["picture"])
    drawn = time.perf_counter()
    done = write_exports(result, folder, exports, source)
    timings = {"writing": written - begin, "picture": drawn - written}
    if done:
        timings["exports"] = time.perf_counter() - drawn
    write_report(result, timings, folder / CASE_FILES["report"], exports=done)
