"""Provenance: which model, settings, versions and source a result comes from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, Volume
from ..version import VERSION

if TYPE_CHECKING:
    from ..models import ModelCard
    from .report import CaseResult

SHORT = 12


def voxels_sha256(array_kji: NDArray, grid: Grid) -> str:
    """Return the SHA-256 of voxels and where they lie, whatever file they come from.

    Args:
        array_kji: shape ``grid.shape_kji``; little-endian bytes of its own type in storage order are counted.
        grid: its size and its matrix, rounded to a thousandth of a millimetre.
    """
    place = np.round(grid.ijk_to_lps, 3) + 0.0  # no negative zeros
    digest = hashlib.sha256(json.dumps([grid.size, place.tolist()]).encode())
    for plane in array_kji:
        digest.update(np.ascontiguousarray(plane, dtype=plane.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def volume_sha256(volume: Volume) -> str:
    """Return :func:`voxels_sha256` of a volume."""
    return voxels_sha256(volume.array_kji, volume.grid)


def provenance(result: CaseResult) -> dict[str, Any]:
    """Return what identifies a result, as flat JSON values: versions, checksums and settings."""
    card = result.localization.card
    return {
        "camlocalizer": VERSION,
        "model": card.name,
        "model_version": card.version,
        "model_sha256": card.sha256,
        "source_sha256": result.source_sha256,
        "voxels_sha256": result.voxels_sha256,
        "settings": result.label_settings.to_json(),
    }


def short_line(sources: Sequence[str], card: ModelCard | None = None) -> str:
    """Return version, model and sources in a line for files that hold little.

    Args:
        sources: checksums of the files that went in, cut to twelve digits each.
        card: of the model, if there was one.
    """
    model = "" if card is None else f" {card.name} {card.version} {card.sha256[:SHORT]}"
    text = f"camlocalizer {VERSION}{model} source {' '.join(source[:SHORT] for source in sources)}"
    return text.encode("ascii", "replace").decode()


def fact_columns(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return facts as columns of a table, ``CAMLocalizer_...``; what is not text is written as JSON."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in facts.items()}
    return {f"CAMLocalizer_{name}": text for name, text in texts.items()}


def provenance_line(result: CaseResult, length: int = 79) -> str:
    """Return the same in a line for headers that hold little, checksums cut to twelve digits.

    Args:
        result: the case.
        length: of the line at most, in characters.
    """
    return short_line([result.source_sha256 or result.voxels_sha256], result.localization.card)[:length]
