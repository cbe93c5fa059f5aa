"""Classifiers as segmenters (Guan and Loew, 2021): six public networks, their maps, and retraining on filtered images.

What is trained and the paper's figures are in `plan`, the trainings in `study`, tables and findings in `report`,
pictures in `pictures`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.evaluation.roi_set import RoiSet

from ...datasets.mias.images import read_mias
from ..results import Reproduction, write_tables
from .pictures import draw_pictures
from .plan import CITATION, QUICK, SETTINGS, Settings
from .report import differences, entries, findings, rows_of
from .study import Measured, Study

FOLDER = "mias_rois"
DATA = "MIAS v1.21 (doi:10.17863/CAM.105113), regions with and without an abnormality, 5 folds by patient"


def reproduce(
    data: Path, output: Path, work: Path, *, quick: bool = False, report: Callable[[str], None] = print
) -> None:
    """Train the paper's six classifiers on regions with and without a tumour; fill Tables I and II, Figs. 7 to 10.

    A seventh, which the paper does not have, starts from ImageNet weights.

    For each held-out fold and classifier: trained on original regions; Grad-CAM of all regions, compared with the
    truth by mean-Dice; trained again from scratch on regions multiplied by their map, by the truth and by its
    inverse. Tables and pictures are written again after every classifier.

    Args:
        data: folder that holds ``mias_rois``.
        output: gets ``table.csv``, ``table.md`` and pictures.
        work: keeps figures and maps; a later call resumes from them.
        quick: a few regions, one epoch: shows that everything runs, measures nothing.
        report: takes a line per step.

    Raises:
        InputError: data that are missing or damaged.
        ModelError: ``work`` holds a run with other settings, or the package of a network or its weights is missing.

    Source:
        Guan and Loew, IEEE AIPR 2021.
    """
    settings = QUICK if quick else SETTINGS
    rois = chosen_regions(read_mias(data / FOLDER, size=settings.size, seed=settings.seed), settings.per_class)
    study = Study(rois, work / ("quick" if quick else "full"), settings, report)
    measured: list[Measured] = []
    for each in study.run():
        measured.append(each)
        write(output, study, measured)


def chosen_regions(rois: RoiSet, per_class: int | None) -> RoiSet:
    """Keep the first regions of each class and fold; all if ``per_class`` is None."""
    if per_class is None:
        return rois
    kept = np.zeros(len(rois), dtype=bool)
    for fold in np.unique(rois.folds):
        for label in range(len(rois.classes)):
            members = np.flatnonzero((rois.folds == fold) & (rois.labels == label))
            if not members.size:
                raise InputError(f"fold {fold} has no region of the class {rois.classes[label]}; use fewer folds")
            kept[members[:per_class]] = True
    return rois.where(kept)


def write(output: Path, study: Study, measured: Sequence[Measured]) -> None:
    """Write tables and pictures of what has been measured so far."""
    rows, settings = rows_of(measured), study.settings
    output.mkdir(parents=True, exist_ok=True)
    reproduction = Reproduction(
        name="segmenters",
        title="Classifiers as segmenters, and what they look at",
        paper=CITATION,
        data=DATA,
        seed=settings.seed,
        settings=_settings(settings, measured),
        differences=differences(settings, study.rois),
        findings=findings(rows, study.rois),
        pictures=draw_pictures(output, study, rows),
    )
    write_tables(output, reproduction, entries(rows, study.rois))


def _settings(settings: Settings, measured: Sequence[Measured]) -> dict[str, object]:
    seconds = {each.network: round(each.seconds_per_epoch, 1) for each in measured}
    return asdict(settings) | {"seconds_per_epoch": seconds}
