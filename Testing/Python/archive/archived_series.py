"""Series as archives hold them, and what workers of the tests do with a study."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from dicom_series import referable, write_series
from pydicom.dataset import Dataset

from CAMLocalizerLib.archive.client import Archive
from CAMLocalizerLib.archive.fetching import fetched_series
from CAMLocalizerLib.archive.series_facts import SeriesFacts
from CAMLocalizerLib.batch.batch_tables import Row
from CAMLocalizerLib.batch.plan import Plan
from CAMLocalizerLib.batch.source import BatchCase
from CAMLocalizerLib.batch.work import Outcome
from CAMLocalizerLib.core import Grid

StoreSeries = Callable[..., list[Path]]


def write_archived(
    folder: Path,
    grid: Grid,
    study: str,
    number: int,
    *,
    description: str = "T1 post",
    slices: int = 5,
    **attributes: object,
) -> list[Path]:
    """Write a series of seeded noise with further attributes; return its files, first slice first."""

    def patch(header: Dataset, k: int) -> None:
        referable(header, k)
        header.StudyInstanceUID, header.SeriesNumber = study, number
        header.SeriesDescription = description
        for keyword, value in attributes.items():
            setattr(header, keyword, value)

    stored = np.random.default_rng(number).integers(0, 900, (slices, *grid.shape_kji[1:])).astype(np.uint16)
    write_series(folder, stored, grid, uid=f"{study}.{number}", patch=patch)
    return sorted(folder.iterdir(), key=lambda path: int(path.stem.partition("_")[2]))


def counted_study(case: BatchCase, plan: Plan) -> Outcome:
    """Fetch the first series of a study and report the number of its images, without running the model."""
    with Archive(plan.archive.address) as archive:
        series = SeriesFacts.of(archive.series(case.study)[0])
        with fetched_series(archive, case.study, series.uid, plan.output / case.name) as folder:
            count = len(list(folder.iterdir()))
    return Outcome(case.name, Row(case.name, "no", "", count, "0", "0.5", "", "", "0"))
