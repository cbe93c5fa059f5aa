"""Export: the files of a case from a review."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import LabelMap
from ..io import staged_folder
from ..localizer import Findings, LabelSettings
from .accepted import AcceptedSegment

if TYPE_CHECKING:
    from .review import Review

UNSAFE = re.compile(r"[^\w.+-]+")


def export_review(review: Review, folder: Path, name: str | None, **options: Any) -> Path:
    """Write the files of a case; see :meth:`Review.export`."""
    settings, label_map, facts = _result_of(review)
    return export_findings(review.found, settings, label_map, folder, name, run={"review": facts}, **options)


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

    Returns:
        The folder of the case.

    Raises:
        SettingsError: an export that is not known.
        InputError: a DICOM export without a reference, or one of another grid.
        OutputError: the folder exists, cannot be written, or the disk is full.
    """
    from ..cases import exports_source, make_case, write_results

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
        )
        write_results(case, staging, exports=exports, source=source)
    return target


def safe_name(text: str) -> str:
    """Return a text as the name of a folder on every system."""
    return UNSAFE.sub("_", text).strip("._ ") or "case"


def merged_label_map(segments: tuple[AcceptedSegment, ...]) -> LabelMap:
    """Put accepted segments into one label map, labels 1, 2, ...; where they overlap the later one wins."""
    merged = np.zeros(segments[0].grid.shape_kji, dtype=np.uint8)
    for label, segment in enumerate(segments, start=1):
        merged[segment.mask != 0] = label
    return LabelMap(merged, segments[0].grid, tuple(segment.name for segment in segments))


def _result_of(review: Review) -> tuple[LabelSettings, LabelMap, dict[str, Any]]:
    """Return settings, label map and provenance of what is exported."""
    if review.accepted:
        accepted = [segment.provenance() for segment in review.accepted]
        return review.accepted[-1].settings, merged_label_map(review.accepted), {"accepted": accepted}
    facts = {
        "accepted": [],
        "edited_by_hand": review.edited,
        "rejected_regions": sum(not component.kept for component in review.components),
    }
    return review.settings, review.corrected_label_map, facts
