"""Choices: what is asked of a model and of label maps, alike for every case; localize_file: a file made a case."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..core import SettingsError
from ..io import DicomSource, read_volume, source_sha256
from ..io.plain_paths import readable
from ..localizer import Findings, LabelSettings, Localizer
from ..localizer.inference import Progress
from ..segment import Threshold, UptakeBorder
from .case import make_case
from .exports import checked_exports, exports_source, warn_of_other_image
from .report import CaseResult
from .results import write_results

logger = logging.getLogger("CAMLocalizerLib")


@dataclass(frozen=True)
class Choices:
    """What is asked alike for every case; None leaves the choice to the model.

    Args:
        model: name or folder of a bundle.
        device: where to compute.
        batch_size: slices at once.
        precision: of the network.
        map: how maps are made.
        view: plane of the slices.
        scales: scales to fuse, or ``all``.
        scale_weights: weight of each of ``scales``.
        threshold: of the fused map.
        border: from which uptake on a voxel belongs to a lesion, for models of projections.
        probability_limit: images with a lower tumour probability are left out.
        min_volume_ml: smaller components are left out.
        keep_largest: number of components to keep.
        refine: how the border is drawn to the image's edges; the model's own if not given.
        unit: of voxels whose file names none.
        export: names of further files, of :data:`~CAMLocalizerLib.cases.EXPORTS`.
    """

    model: str = "brain-t1ce"
    device: str = "auto"
    batch_size: int = 8
    precision: str = "float32"
    map: str | None = None
    view: str = "auto"
    scales: tuple[int, ...] | str | None = None
    scale_weights: tuple[float, ...] | None = None
    threshold: str | None = None
    border: str | None = None
    probability_limit: float | None = None
    min_volume_ml: float | None = None
    keep_largest: int | None = None
    refine: str | None = None
    unit: str | None = None
    export: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Choices:
        """Take the choices out of arguments of a command, which may be more."""
        return cls(**{entry.name: given[entry.name] for entry in fields(cls) if entry.name in given})

    def check(self) -> None:
        """Refuse what can be refused before anything is read.

        Raises:
            SettingsError: a choice out of range.
        """
        if self.threshold is not None:
            Threshold.parse(self.threshold)
        if self.min_volume_ml is not None and not 0 <= self.min_volume_ml < float("inf"):
            raise SettingsError(f"--min-volume-ml must be at least 0, got {self.min_volume_ml}")
        if self.keep_largest is not None and self.keep_largest < 1:
            raise SettingsError(f"--keep-largest must be at least 1, got {self.keep_largest}")
        if self.probability_limit is not None and not 0 <= self.probability_limit <= 1:
            raise SettingsError(f"--probability-limit must be 0 to 1, got {self.probability_limit}")
        if self.border is not None:
            UptakeBorder.parse(self.border)
        if self.scale_weights is not None:
            self._check_weights(self.scale_weights)
        checked_exports(self.export)

    def _check_weights(self, weights: tuple[float, ...]) -> None:
        if not isinstance(self.scales, tuple) or len(weights) != len(self.scales):
            raise SettingsError(f"--scale-weights {weights} needs --scales with as many scales, got {self.scales}")
        if not all(0 <= weight < float("inf") for weight in weights) or sum(weights) <= 0:
            raise SettingsError(f"--scale-weights must be at least 0 and one of them positive, got {weights}")

    def localizer(self) -> Localizer:
        """Open the model and see that it takes what is asked.

        Raises:
            ModelError: the bundle is unknown or damaged.
            SettingsError: a device that is not there, or a choice that the model does not have.
        """
        localizer = Localizer(
            self.model, device=self.device, batch_size=self.batch_size, precision=self.precision, map=self.map
        )
        self._check_projections(localizer)
        self.scales_of(localizer)
        return localizer

    def _check_projections(self, localizer: Localizer) -> None:
        """Refuse settings of slices for a model of projections, and the other way round."""
        card = localizer.model.card
        if card.projections and self.view != "auto":
            raise SettingsError(f"--view {self.view} is for slices; model {card.name} looks at two projections")
        if card.projections and self.refine not in (None, "none"):
            raise SettingsError(f"--refine {self.refine} is for slices; model {card.name} draws borders by uptake")
        if not card.projections and self.border is not None:
            raise SettingsError(f"--border is for models of projections; {card.name} looks at slices")

    def scales_of(self, localizer: Localizer) -> tuple[int, ...]:
        """Return the scales to fuse, finest first.

        Raises:
            SettingsError: scales that the model lacks.
        """
        given = localizer.scales if isinstance(self.scales, str) else self.scales  # a text is always "all"
        chosen = given or localizer.model.card.scales
        if lacking := set(chosen) - set(localizer.scales):
            raise SettingsError(
                f"scales {sorted(lacking)} asked for, model {localizer.model.card.name} has {localizer.scales}"
            )
        return tuple(sorted(chosen))

    def label_settings(self, found: Findings, scales: tuple[int, ...]) -> LabelSettings:
        """Return the model's defaults with what is chosen otherwise."""
        given = {
            "threshold": self.threshold,
            "min_volume_ml": self.min_volume_ml,
            "probability_limit": self.probability_limit,
            "uptake_border": self.border,
            "refinement": self.refine,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        settings = LabelSettings.of(found, scales=scales, keep_largest=self.keep_largest, **changes)
        if self.scale_weights is None or not isinstance(self.scales, tuple):
            return settings
        chosen = dict(zip(self.scales, self.scale_weights, strict=True))
        return settings.changed(weights=tuple({**dict(settings.weights), **chosen}.items()))

    def dicom_source(self, path: Path, *, series: str | None, reference: Path | None = None) -> DicomSource | None:
        """Read the series that DICOM exports refer to; None if there are none.

        Args:
            path: the input.
            series: SeriesInstanceUID, where the input is a folder of several.
            reference: the series that the input was made from, where it is no DICOM.

        Raises:
            InputError: DICOM exports of an input that is no DICOM, without a reference.
        """
        return exports_source(self.export, path, series=series, reference=reference)


def localize_file(
    path: Path,
    localizer: Localizer,
    choices: Choices,
    folder: Path,
    *,
    series: str | None = None,
    reference: Path | None = None,
    progress: Progress | None = None,
) -> CaseResult:
    """Localise in one input and write all files of its case.

    Args:
        path: file, or folder with a DICOM series.
        localizer: from ``choices``; it may have served other inputs.
        choices: what is asked.
        folder: an existing one.
        series: SeriesInstanceUID, where a folder has several.
        reference: DICOM series that the input was made from.
        progress: called after each batch with (images done, images); what it raises ends the run.

    Raises:
        CAMLocalizerError: an input that cannot be used, a choice that does not fit it, or a folder that cannot be
            written.
    """
    source = choices.dicom_source(path, series=series, reference=reference)
    begin = time.perf_counter()
    volume = read_volume(path, series=series, unit=choices.unit)
    if source is not None and reference is not None:
        warn_of_other_image(volume, reference)
    read = time.perf_counter()
    scales = choices.scales_of(localizer)
    found = localizer.run(volume, view=choices.view, scales=scales, progress=progress)
    for note in found.notes:
        logger.debug(note)
    run = {"map": localizer.map, "batch_size": choices.batch_size, "precision": localizer.precision}
    result = make_case(
        found,
        choices.label_settings(found, scales),
        readable(path.name),
        run=run,
        timings_s={"reading": read - begin, **found.timings_s},
        source_sha256=source_sha256(path, series=series),
    )
    write_results(result, folder, exports=choices.export, source=source)
    return result
