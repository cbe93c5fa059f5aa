"""Rerun: a result computed again from its report."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ..core import InputError, ModelError, Volume
from ..io import list_series, read_volume, source_sha256
from ..io.names import ending
from ..io.utf8_paths import escape_non_utf8
from ..localizer import LabelSettings, Localizer
from ..models import load_model
from .case import make_case
from .provenance import volume_sha256, voxels_sha256
from .report import CaseResult

MOST_FILES = 100_000


@dataclass(frozen=True)
class Recipe:
    """What a report says of how its label map came about.

    Args:
        path: of the report.
        file_name: name of the input.
        input_sha256: checksum of the input's voxels and place.
        model: name, version and checksum of the bundle.
        run: view, map, batch size and precision.
        settings: how the label map was made.
        result_sha256: checksum of the label map.
    """

    path: Path
    file_name: str
    input_sha256: str
    model: Mapping[str, str]
    run: Mapping[str, Any]
    settings: LabelSettings
    result_sha256: str


def read_recipe(path: Path) -> Recipe:
    """Read a report.

    Raises:
        InputError: a file that is missing or no report, one of an older version, or one of a result that a reviewer
            corrected.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise InputError(f"{path}: is not a report of CAMLocalizer (not JSON)") from error
    if not isinstance(report, dict):
        raise InputError(f"{path}: is not a report of CAMLocalizer (a JSON object is expected)")
    try:
        given, options, made = report["input"], report["settings"], report["label_map"]
        recipe = Recipe(
            path=path,
            file_name=str(given["file"]),
            input_sha256=given["voxels_sha256"],
            model=report["model"],
            run={name: options[name] for name in ("view", "map", "batch_size", "precision") if name in options},
            settings=LabelSettings.from_json(report["label_settings"]),
            result_sha256=made["voxels_sha256"],
        )
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path}: is not a report that a result can be computed from (lacks {error}); it may be of an older version"
        ) from error
    if made["corrected"]:
        raise InputError(f"{path}: a reviewer corrected this label map; settings alone do not give it again")
    return recipe


def find_input(recipe: Recipe, place: Path, *, series: str | None = None) -> tuple[Path, Volume]:
    """Find the volume that a report is about and check that it is the same.

    Args:
        recipe: from the report.
        place: the file, or a folder that is searched for a file of that name; a DICOM series is a folder, which may
            be called otherwise.
        series: SeriesInstanceUID, where a folder has several; all are tried if not given.

    Raises:
        InputError: no such file, or only files with other voxels.
    """
    wrong = []
    for path in _candidates(recipe.file_name, place):
        try:
            for volume in _volumes(path, series):
                if volume_sha256(volume) == recipe.input_sha256:
                    return path, volume
                wrong.append(f"{path}: is not the volume of {recipe.path}, its voxels differ; give that with --input")
        except InputError as error:  # a folder that is called alike, or a damaged copy: the next may be the one
            wrong.append(str(error))
    if wrong:
        raise InputError(wrong[0])
    raise InputError(f"{recipe.path}: its input {recipe.file_name} is not in {place}; say where it is with --input")


def _candidates(name: str, place: Path) -> Iterator[Path]:
    if not place.exists():
        return
    if place.is_file() or escape_non_utf8(place.name) == name:
        yield place
        return
    yield from islice((path for path in _found(place, name) if escape_non_utf8(path.name) == name), MOST_FILES)
    if not ending(name) and list_series(place):  # a DICOM series in a folder that was renamed
        yield place


def _found(place: Path, name: str) -> Iterator[Path]:
    """Search for a name; one that stands for bytes that are not UTF-8 is met by no pattern."""
    return place.rglob("*" if "%" in name else glob.escape(name))


def _volumes(path: Path, series: str | None) -> Iterator[Volume]:
    """Read a file, or one series of a folder after the other."""
    if series is not None or not path.is_dir():
        yield read_volume(path, series=series)
        return
    found = list_series(path)
    for info in found:
        yield read_volume(path, series=info.uid)
    if not found:
        yield read_volume(path)  # says what is missing


def rerun(
    recipe: Recipe, path: Path, volume: Volume, *, model: str | Path | None = None, device: str = "auto"
) -> CaseResult:
    """Compute the label map of a report again.

    Args:
        recipe: from the report.
        path: of the input.
        volume: the input.
        model: bundle, where it does not lie where its name leads.
        device: where to compute; another kind than the first time may change single voxels.

    Raises:
        ModelError: a bundle with other weights than the report's.
    """
    bundle = load_model(model or recipe.model["name"])
    if bundle.card.sha256 != recipe.model["sha256"]:
        raise ModelError(
            f"{bundle.card.name} {bundle.card.version} has other weights than {recipe.path} was made with "
            f"({recipe.model['name']} {recipe.model['version']}); give that bundle with --model"
        )
    options = {name: recipe.run[name] for name in ("map", "batch_size", "precision") if name in recipe.run}
    localizer = Localizer(bundle, device=device, **options)
    view = "auto" if bundle.card.projections else recipe.run["view"]
    found = localizer.run(volume, view=view, scales=[scale for scale, _ in recipe.settings.weights])
    return make_case(
        found, recipe.settings, path.name, run=options, timings_s=found.timings_s, source_sha256=source_sha256(path)
    )


def same_result(recipe: Recipe, result: CaseResult) -> bool:
    """Tell whether a result is that of the report, voxel by voxel."""
    array = np.asarray(result.label_map.array_kji)
    return voxels_sha256(array, result.label_map.grid) == recipe.result_sha256
