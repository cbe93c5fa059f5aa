"""The five published systems, trained and measured as their papers did, with our figure beside theirs."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from CAMLocalizerLib.core import SettingsError

from .results import Entry, Reproduction, write_tables

__all__ = ["PAPERS", "Entry", "Reproduction", "reproduce", "write_tables"]

PAPERS = {
    "pgcam": "pgcam",
    "quantitative": "quantitative",
    "segmenters": "segmenters",
    "pet-mip": "pet_mip",
    "sam": "sam",
}
WITH_TRAINING = ("pgcam", "quantitative")  # studies that measure the networks of a training's folds


def reproduce(
    paper: str,
    data: Path,
    output: Path,
    work: Path,
    *,
    quick: bool = False,
    training: Path | None = None,
    report: Callable[[str], None] = print,
) -> None:
    """Train and evaluate a paper's networks and write its tables and pictures with our figures beside the paper's.

    An interrupted run resumes where it stopped; after every finished network the tables are written again.

    Args:
        paper: one of :data:`PAPERS`.
        data: folder with the data sets, each in its own folder.
        output: gets ``table.csv``, ``table.md`` and the pictures.
        work: keeps checkpoints and the results of finished networks.
        quick: a few cases, small images and few epochs: shows that everything runs, measures nothing.
        training: output folder of ``camlocalizer train`` for brain-t1ce, whose network without the held-out fold is
            measured beside the paper's; None leaves it out. For the studies of :data:`WITH_TRAINING`.
        report: takes a line per step.

    Raises:
        SettingsError: a paper that is not one of the five, or a training for a study that measures none.
        ModelError: ``training`` is not the folder of a training of brain-t1ce.
        InputError: data that are missing or not as expected.
    """
    if paper not in PAPERS:
        raise SettingsError(f"paper must be one of {', '.join(PAPERS)}, got {paper!r}")
    if training is not None and paper not in WITH_TRAINING:
        raise SettingsError(f"{paper} measures no training; give one for {' or '.join(WITH_TRAINING)}")
    own = {"training": training} if paper in WITH_TRAINING else {}
    module = import_module(f".{PAPERS[paper]}.reproduce", __name__)
    module.reproduce(data, output, work, quick=quick, report=report, **own)
