"""The scans of a folder for a batch, and where their results go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer

from ..batch.naming import name_cases
from ..batch.source import find_sources
from ..case_files import CASE_FILES
from ..cases.loop import CaseInput
from ..core import InputError
from ..io import read_volume
from ..mrml import load_segmentation_node, load_volume_node, volume_to_node


@dataclass(frozen=True)
class BatchScan:
    """A scan of a batch.

    Args:
        title: what a table calls it: its path in the folder, or of DICOM the name of its results.
        case: the input and the folder of its results.
        dicom: whether it is a DICOM series.
    """

    title: str
    case: CaseInput
    dicom: bool

    @property
    def has_results(self) -> bool:
        """Whether its results are complete."""
        return (self.case.folder / CASE_FILES["report"]).is_file()


def find_scans(folder: Path, output: Path, pattern: str) -> tuple[BatchScan, ...]:
    """Find the scans of a folder and its subfolders.

    Args:
        folder: that is searched.
        output: receives the results; it is not searched.
        pattern: shell pattern of the file names.

    Raises:
        InputError: no such folder, one that cannot be read, or one without scans.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    sources = find_sources(folder, skipped=output, pattern=pattern)
    names = name_cases(sources)
    return tuple(
        BatchScan(
            names[source.key] if source.dicom else source.file,
            CaseInput(source.path, output / names[source.key], series=source.series or None),
            source.dicom,
        )
        for source in sources
    )


def load_result(scan: BatchScan) -> tuple[Any, Any]:
    """Load a scan and its segmentation into the scene; returns both nodes.

    Raises:
        InputError: the scan or its results cannot be read.
    """
    scene, case = slicer.mrmlScene, scan.case
    if scan.dicom:
        volume = volume_to_node(scene, read_volume(case.path, series=case.series), name=scan.title)
    else:
        volume = load_volume_node(scene, case.path)
    segmentation = load_segmentation_node(scene, case.folder / CASE_FILES["segmentation"])
    segmentation.SetName(f"{volume.GetName()} result")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    return volume, segmentation
