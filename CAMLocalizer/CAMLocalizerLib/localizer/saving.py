"""Findings on disk: read back bit by bit, by another process or another day, without running any code of theirs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..core import (
    ActivationMap,
    ActivationPyramid,
    CAMLocalizerError,
    Grid,
    GridError,
    InputError,
    SettingsError,
    Volume,
)
from ..io.writing import output_errors
from ..models import CARD_FILE, ModelCard
from ..segment.candidates import EDGE_MM
from ..views import PROJECTIONS, ProjectionPair, isotropic_grid
from .candidate_localization import CandidateLocalization
from .findings import Findings
from .localization import Localization
from .projection_localization import ProjectionLocalization

FINDINGS_FILE = "findings.json"
FORMAT = "CAMLocalizer findings"
FORMAT_VERSION = 1
SLICES, BOTH_PROJECTIONS, CANDIDATES = "slices", "projections", "candidates"


def save_findings(found: Findings, folder: str | os.PathLike[str]) -> None:
    """Write what a model saw, but not the volume: a JSON file, the model's card and an array per scale.

    Nothing in it names the volume, unless a note does. ``findings.json`` is written last: a folder without it is not
    complete.

    Args:
        found: from :meth:`Localizer.run`.
        folder: made if missing; files of earlier findings are replaced.

    Raises:
        OutputError: the folder cannot be written or the disk is full.
        ModelError: a card with a value that JSON cannot hold.
    """
    path = Path(folder)
    values = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "device": found.device,
        "notes": list(found.notes),
        "timings_s": {step: float(seconds) for step, seconds in found.timings_s.items()},
        "volume_grid": _grid_to_json(found.volume.grid),
    }
    if isinstance(found, CandidateLocalization):
        special, arrays = _describe_candidates(found)
    elif isinstance(found, ProjectionLocalization):
        special, arrays = _describe_projections(found)
    else:
        special, arrays = _describe_slices(cast(Localization, found))
    text = json.dumps({**values, **special}, indent=1, ensure_ascii=False)
    with output_errors(path):
        path.mkdir(parents=True, exist_ok=True)
        (path / FINDINGS_FILE).unlink(missing_ok=True)
        (path / CARD_FILE).write_text(found.card.to_json(), encoding="utf-8", newline="\n")
        for name, array in arrays.items():
            np.save(path / f"{name}.npy", array, allow_pickle=False)
        (path / FINDINGS_FILE).write_text(text, encoding="utf-8", newline="\n")


def _describe_slices(found: Localization) -> tuple[dict[str, Any], dict[str, NDArray]]:
    pyramid = found.pyramid
    values = {
        "kind": SLICES,
        "view": found.view,
        "plane": pyramid.view,
        "classes": list(pyramid.classes),
        "tumour_classes": list(pyramid.tumour_classes),
        "maps": {str(entry.scale): _grid_to_json(entry.grid) for entry in pyramid.maps},
    }
    arrays: dict[str, NDArray] = {_map_name(entry.scale): entry.array_kji for entry in pyramid.maps}
    return values, {**arrays, "probabilities": pyramid.probabilities, "targets": pyramid.targets}


def _describe_projections(found: ProjectionLocalization) -> tuple[dict[str, Any], dict[str, NDArray]]:
    values = {
        "kind": BOTH_PROJECTIONS,
        "spacing_mm": found.pair.spacing_mm,
        "size": found.pair.size,
        "strides": {str(scale): stride for scale, stride in found.strides.items()},
        "offsets": {str(scale): offset for scale, offset in found.offsets.items()},
    }
    arrays: dict[str, NDArray] = {_map_name(scale): array for scale, array in found.maps.items()}
    return values, {**arrays, "probabilities": found.probabilities}


def _describe_candidates(found: CandidateLocalization) -> tuple[dict[str, Any], dict[str, NDArray]]:
    values, arrays = _describe_projections(found)
    values |= {"kind": CANDIDATES, "factor": found.factor}
    return values, {**arrays, "basins": found.basins, "scores": found.scores}


def load_findings(folder: str | os.PathLike[str], volume: Volume) -> Findings:
    """Read what :func:`save_findings` wrote; neither torch nor the model's weights are needed.

    Args:
        folder: with ``findings.json``.
        volume: the one that the model saw; must have the grid of then.

    Returns:
        The findings, with the same numbers to the last bit.

    Raises:
        InputError: no findings, damaged or incomplete ones, those of another release, or of a volume on another grid.
        ModelError: the model's card among them is damaged.
    """
    path = Path(folder)
    values = _read_values(path / FINDINGS_FILE)
    card = ModelCard.read(path / CARD_FILE)
    try:
        saved = _Saved(path, values, card, volume)
        if not saved.grid(values["volume_grid"]).matches(volume.grid):
            raise InputError(f"{path}: these findings are of a volume on another grid than that of {volume.name}")
        return _READERS[values["kind"]](saved)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, SettingsError) as error:
        raise InputError(f"{path / FINDINGS_FILE} is damaged ({error!r}); run the model again") from error


def _read_values(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: {path.parent} holds no findings or incomplete ones") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error}); run the model again") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise InputError(f"{path} holds no findings of CAMLocalizer")
    if values.get("version") != FORMAT_VERSION:
        raise InputError(
            f"{path} has version {values.get('version')}, this release reads {FORMAT_VERSION}; run the model again"
        )
    return values


@dataclass(frozen=True)
class _Saved:
    """What the files of a folder hold, checked as it is taken out."""

    folder: Path
    values: Mapping[str, Any]
    card: ModelCard
    volume: Volume

    def common(self) -> dict[str, Any]:
        """Return the fields that all findings have."""
        return {
            "card": self.card,
            "device": self.text("device"),
            "timings_s": {str(step): float(seconds) for step, seconds in self.values["timings_s"].items()},
            "notes": tuple(str(note) for note in self.values["notes"]),
        }

    def text(self, name: str) -> str:
        """Return a field that must be text."""
        if not isinstance(value := self.values[name], str):
            raise TypeError(f"{name} must be text, got {value!r}")
        return value

    def grid(self, values: Mapping[str, Any]) -> Grid:
        """Return a grid; what is none means damage."""
        try:
            return Grid(values["size"], values["spacing_mm"], values["origin_mm"], np.array(values["direction"]))
        except GridError as error:
            raise ValueError(str(error)) from error

    def array(self, name: str, dtype: type, shape: tuple[int | None, ...]) -> NDArray:
        """Read an array of this type and shape; None stands for any length."""
        path = self.folder / f"{name}.npy"
        try:
            with path.open("rb") as file:
                array = np.lib.format.read_array(file, allow_pickle=False)
        except FileNotFoundError as error:
            raise InputError(f"{path} is missing: the findings are incomplete; run the model again") from error
        except (OSError, ValueError, EOFError, MemoryError) as error:
            raise InputError(f"{path} cannot be read ({error}); run the model again") from error
        fits = array.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
        if array.dtype != np.dtype(dtype) or not fits:
            raise InputError(
                f"{path} holds {array.dtype} of shape {array.shape}, expected {np.dtype(dtype)} of "
                f"{tuple('any' if n is None else n for n in shape)}; run the model again"
            )
        if not np.all(np.isfinite(array)):
            raise InputError(f"{path} holds values that are not finite; run the model again")
        return array

    def map(self, scale: str, shape: tuple[int | None, ...]) -> NDArray[np.float32]:
        """Read the maps of one scale."""
        return self.array(_map_name(int(scale)), np.float32, shape)


def _read_slices(saved: _Saved) -> Localization:
    values, classes = saved.values, tuple(str(name) for name in saved.values["classes"])
    grids = {scale: saved.grid(entry) for scale, entry in values["maps"].items()}
    maps = tuple(ActivationMap(int(s), saved.map(s, grid.shape_kji), grid) for s, grid in grids.items())
    known: dict[str, Any] = {
        "maps": maps,
        "probabilities": saved.array("probabilities", np.float32, (None, len(classes))),
        "classes": classes,
        "targets": saved.array("targets", np.int64, (None,)),
        "tumour_classes": tuple(str(name) for name in values["tumour_classes"]),
        "view": saved.text("plane"),
    }
    try:
        pyramid = ActivationPyramid(**known, source_grid=saved.volume.grid)
    except CAMLocalizerError as error:
        raise InputError(f"{saved.folder}: the findings do not fit together: {error}") from error
    return Localization(volume=saved.volume, pyramid=pyramid, view=saved.text("view"), **saved.common())


def _read_projections(saved: _Saved) -> ProjectionLocalization:
    values, images = saved.values, len(PROJECTIONS)
    strides = {int(scale): int(stride) for scale, stride in values["strides"].items()}
    if not strides or min(strides.values()) < 1:
        raise ValueError(f"strides must be at least 1, got {strides}")
    size = values["size"]
    return ProjectionLocalization(
        ProjectionPair(saved.volume, spacing_mm=values["spacing_mm"], size=None if size is None else tuple(size)),
        {scale: saved.map(str(scale), (images, None, None)) for scale in strides},
        strides,
        saved.array("probabilities", np.float32, (images, len(saved.card.classes))),
        offsets={int(scale): float(offset) for scale, offset in values["offsets"].items()},
        **saved.common(),
    )


def _read_candidates(saved: _Saved) -> CandidateLocalization:
    known = _read_projections(saved)
    shape = isotropic_grid(saved.volume.grid, EDGE_MM).shape_kji
    basins, scores = saved.array("basins", np.int32, shape), saved.array("scores", np.float32, (None,))
    if basins.min() < 0 or basins.max() != len(scores):
        raise ValueError(f"{len(scores)} probabilities for {basins.max()} candidates")
    fields = {entry.name: getattr(known, entry.name) for entry in dataclass_fields(known) if entry.init}
    return CandidateLocalization(**fields, basins=basins, scores=scores, factor=float(saved.values["factor"]))


_READERS: dict[str, Callable[[_Saved], Findings]] = {
    SLICES: _read_slices,
    BOTH_PROJECTIONS: _read_projections,
    CANDIDATES: _read_candidates,
}


def _map_name(scale: int) -> str:
    return f"map-{scale}"


def _grid_to_json(grid: Grid) -> dict[str, Any]:
    return {
        "size": list(grid.size),
        "spacing_mm": list(grid.spacing_mm),
        "origin_mm": list(grid.origin_mm),
        "direction": grid.direction.tolist(),
    }
