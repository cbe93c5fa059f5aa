"""report.json: how a label map came about and what is in it."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import MM3_PER_ML, LabelMap, SuvMeasures
from ..localizer import Findings, LabelSettings, suv_total
from ..segment import Component
from ..version import VERSION
from .provenance import volume_sha256, voxels_sha256

PACKAGES = ("torch", "numpy", "scipy", "SimpleITK", "scikit-image")


@dataclass(frozen=True, eq=False)
class CaseResult:
    """All that is known of a case when its files are written.

    Args:
        file_name: name of the input without its folder, which may tell more than it should.
        localization: maps and probabilities.
        activation: fused, 0 to 1, float32, on the volume's grid.
        label_map: on the same grid.
        components: of the label map, largest first.
        settings: as used.
        timings_s: seconds per step so far.
        label_settings: the settings that the label map was made with, before any correction.
        source_sha256: checksum of the input file or folder; empty if the volume came from neither.
        left_out: components of candidates that the threshold leaves out, most probable first.
        corrected: whether a reviewer changed the label map, so that the settings alone do not give it.
        identity: of model, options and settings, see :func:`.identity.answer_identity`; empty if not recorded.
    """

    file_name: str
    localization: Findings
    activation: NDArray[np.float32]
    label_map: LabelMap
    components: tuple[Component, ...]
    settings: Mapping[str, Any]
    timings_s: Mapping[str, float]
    label_settings: LabelSettings
    source_sha256: str = ""
    left_out: tuple[Component, ...] = ()
    corrected: bool = False
    identity: str = ""

    @cached_property
    def voxels_sha256(self) -> str:
        """Checksum of the volume's voxels and where they lie."""
        return volume_sha256(self.localization.volume)

    @cached_property
    def suv_total(self) -> SuvMeasures | None:
        """PET measures of all components together; None unless the volume is a PET in SUV."""
        return suv_total(self.components, self.localization.volume)

    @property
    def tumour_found(self) -> bool:
        """Whether the classifier holds a tumour for probable and the label map holds one."""
        return bool(self.components) and self.localization.tumour_probable


def lists_candidates(result: CaseResult) -> bool:
    """Tell whether the model judges candidates, so that those it leaves out are listed too."""
    return result.localization.card.candidates


def build_report(
    result: CaseResult, timings_s: Mapping[str, float], exports: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the report as JSON values.

    Args:
        result: the case.
        timings_s: seconds of the steps after those that ``result`` knows.
        exports: name of each further file that was asked for, to the file or to why there is none.
    """
    found = result.localization
    timings = {**result.timings_s, **timings_s}
    timings["total"] = sum(timings.values())
    return {
        "input": _input(result),
        "model": {"name": found.card.name, "version": found.card.version, "sha256": found.card.sha256},
        "settings": {**result.settings},
        "label_settings": result.label_settings.to_json(),
        "label_map": {
            "voxels_sha256": voxels_sha256(result.label_map.array_kji, result.label_map.grid),
            "corrected": result.corrected,
        },
        "device": found.device,
        "versions": installed_versions(),
        "tumour_found": result.tumour_found,
        "volume_probability": round(found.volume_probability, 6),
        "class_probabilities": {name: round(value, 6) for name, value in found.class_probabilities.items()},
        "probabilities": _probabilities(found),
        "components": [_component(entry) for entry in result.components],
        **({"left_out": [_component(entry) for entry in result.left_out]} if lists_candidates(result) else {}),
        **({} if result.suv_total is None else {"suv_total": result.suv_total.values()}),
        "exports": dict(exports or {}),
        "timings_s": {step: round(seconds, 4) for step, seconds in timings.items()},
        "notes": list(found.notes),
    }


def write_report(
    result: CaseResult, timings_s: Mapping[str, float], path: Path, *, exports: Mapping[str, str] | None = None
) -> None:
    """Write :func:`build_report` as indented JSON.

    Raises:
        OSError: the file cannot be written.
    """
    text = json.dumps(build_report(result, timings_s, exports), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def _input(result: CaseResult) -> dict[str, Any]:
    volume = result.localization.volume
    grid = volume.grid
    return {
        "file": result.file_name,
        "sha256": result.source_sha256 or None,
        "voxels_sha256": result.voxels_sha256,
        "size_ijk": list(grid.size),
        "spacing_mm": list(grid.spacing_mm),
        "origin_lps_mm": list(grid.origin_mm),
        "direction_lps": grid.direction.tolist(),
        "unit": volume.unit,
    }


def installed_versions() -> dict[str, str]:
    """Return the versions of this program, of Python and of the packages that results depend on."""
    installed = {}
    for package in PACKAGES:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue  # Slicer brings some of them without their description
    return {"camlocalizer": VERSION, "python": platform.python_version(), **installed}


def _probabilities(found: Findings) -> list[dict[str, Any]]:
    """List the slices of the view from its first to its last, each with its stored index, or the projections."""
    return [
        {
            found.image_kind: label,
            "tumour": round(float(tumour), 6),
            "classes": {name: round(float(value), 6) for name, value in zip(found.card.classes, row, strict=True)},
        }
        for label, tumour, row in zip(found.image_labels, found.tumour_probabilities, found.probabilities, strict=True)
    ]


def _component(entry: Component) -> dict[str, Any]:
    return {
        "label": entry.label,
        "volume_mm3": round(entry.volume_mm3, 3),
        "centre_mm": [round(value, 3) for value in entry.centre_lps_mm],
        "peak_activation": None if entry.peak is None else round(entry.peak, 6),
        "voxels": entry.voxels,
        **({} if entry.suv is None else entry.suv.values()),
    }


def finding(result: CaseResult) -> str:
    """Say in one sentence what was found."""
    summary = result.localization.summary(result.tumour_found)
    if not result.tumour_found:
        return summary
    count = len(result.components)
    volume_ml = sum(entry.volume_mm3 for entry in result.components) / MM3_PER_ML
    x, y, z = result.components[0].centre_lps_mm
    components = "one component" if count == 1 else f"{count} components, the largest"
    return f"{summary}, {volume_ml:.1f} ml; {components} at ({x:.0f}, {y:.0f}, {z:.0f}) mm LPS"


def describe_result(result: CaseResult, files: Mapping[str, Path]) -> str:
    """Return a few lines for the terminal: what was found, what to know, and where the files lie."""
    lines = [f"{result.localization.volume.name}: {finding(result)}"]
    if result.suv_total is not None and result.components:
        lines.append(f"  all components: {result.suv_total.sentence()}")
    lines += [f"  note: {note}" for note in result.localization.notes]
    lines += [f"  {title:<12} {path}" for title, path in files.items()]
    return "\n".join(lines)
