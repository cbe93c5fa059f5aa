"""A case: what a model saw in a volume and the label map that was made of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..core import LabelMap
from ..localizer import CandidateLocalization, Findings, LabelSettings, RunOptions, measured_components
from ..localizer.findings import complete_settings
from ..segment import Component, Threshold
from .identity import answer_identity
from .report import CaseResult


def make_case(
    found: Findings,
    settings: LabelSettings,
    file_name: str,
    *,
    label_map: LabelMap | None = None,
    run: Mapping[str, Any] | None = None,
    timings_s: Mapping[str, float] | None = None,
    source_sha256: str = "",
    asked: RunOptions | None = None,
) -> CaseResult:
    """Make the label map of a case, ready to be written.

    Args:
        found: what the model saw.
        settings: how the label map is made.
        file_name: name of the input without its folder, which may tell more than it should.
        label_map: the label map where a reviewer corrected it; made from the settings if not given.
        run: further settings for the report, such as batch size and precision.
        timings_s: seconds per step so far; that of this one is added.
        source_sha256: checksum of the input file or folder; empty if the volume came from neither.
        asked: how the model was run, so that the same is recognised later; None if that does not matter.

    Raises:
        SettingsError: settings that do not fit what was found.
    """
    begin = time.perf_counter()
    settings = complete_settings(found, settings)
    activation = found.activation(settings)
    made = found.label_map(settings)
    chosen = made if label_map is None else label_map
    options: dict[str, Any] = {"view": found.view, **settings.fusing()}
    if settings.uptake_border:
        options["uptake_border"] = settings.uptake_border
    options |= {
        "threshold": settings.threshold,
        "threshold_value": Threshold.parse(settings.threshold).value(activation),
        "min_volume_ml": settings.min_volume_ml,
        "min_share": settings.min_share,
        "min_extent_mm": settings.min_extent_mm,
        "keep_largest": settings.keep_largest,
        "refinement": settings.refinement,
        **(run or {}),
    }
    components = found.components(chosen, activation)
    timings = {**(timings_s or {}), "fusion": time.perf_counter() - begin}
    return CaseResult(
        file_name=file_name,
        localization=found,
        activation=activation,
        label_map=chosen,
        components=components,
        settings=options,
        timings_s=timings,
        label_settings=settings,
        source_sha256=source_sha256,
        left_out=_left_out(found, settings, chosen, len(components)),
        identity="" if asked is None else answer_identity(found.card, asked, settings),
        corrected=not np.array_equal(made.array_kji, chosen.array_kji),
    )


def _left_out(found: Findings, settings: LabelSettings, label_map: LabelMap, components: int) -> tuple[Component, ...]:
    """List the candidates that the threshold leaves out and no reviewer added, counting on from the components."""
    if not isinstance(found, CandidateLocalization):
        return ()
    component_set = found.left_out(settings)
    taken = label_map.array_kji.reshape(-1) > 0
    voxels, component = component_set.voxels_and_components
    inside = set(component[taken[voxels]].tolist())
    left = [entry for entry in measured_components(component_set, found.volume) if entry.label - 1 not in inside]
    return tuple(replace(entry, label=components + number) for number, entry in enumerate(left, start=1))
