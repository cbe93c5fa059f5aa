"""The files of a case folder."""

from __future__ import annotations

import json
import time
from pathlib import Path

from ..io import write_label_map, write_nifti, write_segmentation
from .overview import write_overview
from .provenance import provenance, provenance_line
from .report import CaseResult, write_report

FILES = {
    "label map": "labelmap.nii.gz",
    "activation": "activation.nii.gz",
    "segmentation": "segmentation.seg.nrrd",
    "picture": "overview.png",
    "report": "report.json",
}


def write_results(result: CaseResult, folder: Path) -> None:
    """Write every file of a case into an existing folder, the report last, so that it knows what the others took.

    Raises:
        OutputError: the folder cannot be written or the disk is full.
    """
    begin = time.perf_counter()
    grid, line = result.localization.volume.grid, provenance_line(result)
    facts = {"CAMLocalizer.Provenance": json.dumps(provenance(result))}
    write_label_map(result.label_map, folder / FILES["label map"], description=line)
    write_nifti(result.activation, grid, folder / FILES["activation"], description=line)
    write_segmentation(result.label_map, folder / FILES["segmentation"], facts=facts)
    written = time.perf_counter()
    write_overview(result, folder / FILES["picture"])
    timings = {"writing": written - begin, "picture": time.perf_counter() - written}
    write_report(result, timings, folder / FILES["report"])
