"""The main job without the panel, from the module's logic: one volume node, or a folder of files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer

from ..workbench.scripting import FolderProcessing, Processing
from .launching import alive_progress, poll_until_done, slicer_launcher


def process(
    volume_node: Any,
    segmentation_node: Any = None,
    *,
    blocking: bool = True,
    completed: Callable[[Any, str], None] | None = None,
    progress: Callable[[Any], None] | None = None,
    **settings: Any,
) -> Any:
    """Look for tumours in a volume node and add what was found to a segmentation, as the panel would.

    The classifier runs in a process of its own. Nothing is put into the scene before it is complete, and the other
    segments stay as they are.

    Args:
        volume_node: scalar volume node; linear parent transforms are respected.
        segmentation_node: receives the new segment; a new node by default.
        blocking: wait for the end, with the window alive.
        completed: without waiting, called at the end with the result, None on failure, and a sentence.
        progress: called with how far the run is: state, done, total, seconds_left, sentence.
        settings: model, view, device, name, threshold, scales, weights, normalisation, probability_limit,
            min_volume_ml, keep_largest, refinement, uptake_border; the model's own by default.

    Returns:
        The result (activation_node, segmentation_node, segment_id, found, settings, label_map, components), or without
        waiting the run, which has ``cancel()``.

    Raises:
        CAMLocalizerError: the run failed or cannot be started.
    """
    settings.setdefault("launcher", slicer_launcher())
    processing = Processing(slicer.mrmlScene, volume_node, segmentation_node, **settings)
    if blocking:
        return processing.wait(alive_progress(progress))

    def ended() -> None:
        if completed is not None:
            completed(processing.result, processing.status.sentence)

    poll_until_done(processing, progress or (lambda _status: None), ended)
    return processing


def process_folder(
    input_folder: str | Path,
    output_folder: str | Path,
    *,
    blocking: bool = True,
    completed: Callable[[Any, str], None] | None = None,
    progress: Callable[[int, int, Any], None] | None = None,
    **settings: Any,
) -> Any:
    """Look for tumours in every volume of a folder and write a folder of results for each.

    Args:
        input_folder: holds volumes (NRRD, NIfTI, MetaImage) and folders of DICOM files.
        output_folder: receives the folders of results, the same files as from the command line.
        blocking: wait for the end, with the window alive.
        completed: without waiting, called at the end with the rows and a sentence.
        progress: called with volumes done, volumes, and how far the present one is.
        settings: as for :func:`process`; also ``overwrite=True``, and ``exports=("radiomics", "html", ...)`` for
            further files.

    Returns:
        A row for every volume (path, folder, error, tumour_found, volume_ml, components, seconds), or without waiting
        the work, which has ``rows`` and ``cancel()``.
    """
    settings.setdefault("launcher", slicer_launcher())
    work = FolderProcessing(input_folder, output_folder, **settings)
    if blocking:
        return work.wait(alive_progress(progress))

    def going(status: Any) -> None:
        if progress is not None:
            progress(len(work.rows), len(work.paths), status)

    def ended() -> None:
        if completed is not None:
            completed(work.rows, work.status.sentence)

    poll_until_done(work, going, ended)
    return work
