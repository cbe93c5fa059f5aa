"""Plan: what a batch does to every case, and the record of it in the folder of results."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..archive.request import ArchiveRequest
from ..core import OutputError
from ..io.leftovers import clean_up_leftovers
from ..io.locking import try_lock
from ..io.writing import output_errors
from ..localizer import LabelSettings, RunOptions
from ..models import ModelCard
from .batch_tables import replace_file

PLAN_FILE = "batch.json"


@dataclass(frozen=True)
class Plan:
    """What workers are told.

    Args:
        options: which model runs, alike for every case.
        settings: how every label map is made.
        model_sha256: checksum of the weights that it is asked of.
        output: absolute path of the folder of results.
        archive: DICOMweb archive that cases lie in; None if they are files.
    """

    options: RunOptions
    settings: LabelSettings
    model_sha256: str
    output: Path
    archive: ArchiveRequest | None = None


def describe_plan(plan: Plan, card: ModelCard, source: Path | ArchiveRequest) -> dict[str, Any]:
    """Return what tells one batch from another as flat JSON values; the archive's place only as a checksum."""
    name = source.place.encode() if isinstance(source, ArchiveRequest) else os.fsencode(source.resolve())
    place = hashlib.sha256(name).hexdigest()
    model = {"model": card.name, "model_version": card.version, "model_sha256": plan.model_sha256}
    return json.loads(json.dumps({"camlocalizer": __version__, **model, **_asked(plan), "input_path_sha256": place}))


def _asked(plan: Plan) -> dict[str, Any]:
    """Return what was asked, by the names of the command line; not where the model lies, nor where it runs."""
    options, settings = plan.options, plan.settings
    return {
        "batch_size": options.batch_size,
        "precision": options.precision,
        "map": options.map,
        "view": options.view,
        "scales": settings.scales,
        "scale_weights": None if settings.weights is None else [weight for _, weight in settings.weights],
        "threshold": settings.threshold,
        "border": settings.uptake_border,
        "probability_limit": settings.probability_limit,
        "min_volume_ml": settings.min_volume_ml,
        "keep_largest": settings.keep_largest,
        "refine": settings.refinement,
        "unit": options.unit,
        "export": options.exports,
    }


@contextmanager
def opened_output(output: Path, description: Mapping[str, Any]) -> Iterator[None]:
    """Hold the folder of results of one batch, new or resumed; no other process can hold it at the same time.

    Raises:
        OutputError: a folder with other files, of another batch or version, in use, or that cannot be written.
    """
    path = output / PLAN_FILE
    with output_errors(output):
        if not path.exists():
            _begin(output, path, description)
        stream = path.open("r+b")
    with stream:
        if not try_lock(stream.fileno()):
            raise OutputError(f"{output}: another batch is writing there; wait for it or choose another --output")
        _check_same(output, _recorded(path), description)
        yield


def _begin(output: Path, path: Path, description: Mapping[str, Any]) -> None:
    clean_up_leftovers(path)  # what a killed batch began to write
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise OutputError(f"{output}: exists and is not the folder of a batch; choose another --output")
    output.mkdir(parents=True, exist_ok=True)
    replace_file(path, json.dumps(description, indent=2, ensure_ascii=False) + "\n")


def _recorded(path: Path) -> dict[str, Any]:
    damaged = f"{path}: is damaged, so that it is not known what the results are of; choose another --output"
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise OutputError(damaged) from error
    if not isinstance(recorded, dict):
        raise OutputError(damaged)
    return recorded


def _check_same(output: Path, recorded: Mapping[str, Any], description: Mapping[str, Any]) -> None:
    names = [name for name in {**recorded, **description} if recorded.get(name) != description.get(name)]
    if not names:
        return
    if "camlocalizer" in names:
        before, now = recorded.get("camlocalizer"), description.get("camlocalizer")
        raise OutputError(f"{output}: was made by camlocalizer {before}, this is {now}; choose another --output")
    if "input_path_sha256" in names:
        raise OutputError(f"{output}: holds results of another INPUT; choose another --output")
    differences = "; ".join(_difference(name, recorded.get(name), description.get(name)) for name in names)
    raise OutputError(f"{output}: was made otherwise ({differences}); ask for the same or choose another --output")


def _difference(name: str, before: Any, now: Any) -> str:
    label = name.replace("_", " ")
    if name == "model_sha256":
        return f"{label} {str(before)[:12]}, now {str(now)[:12]}"
    return f"{label} {_in_words(before)}, now {_in_words(now)}"


def _in_words(value: Any) -> str:
    if value is None:
        return "the model's own"
    return ",".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
