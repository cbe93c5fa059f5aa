"""What a node would forget of the file that its volume came from, kept in an attribute of the node."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np

from ..core import Grid, NiftiMatrices, Volume

ATTRIBUTE = "CAMLocalizer.Source"
PLACE_MM = 1e-3


def keep_facts(node: Any, volume: Volume) -> None:
    """Write notes, NIfTI matrices and whether the volume is shown inverted into a node."""
    matrices = None if volume.matrices is None else asdict(volume.matrices)
    facts = {"notes": volume.notes, "matrices": matrices, "inverted": volume.inverted, "grid": _place(volume.grid)}
    known = volume.notes or matrices or volume.inverted
    node.SetAttribute(ATTRIBUTE, json.dumps(facts) if known else None)


def read_facts(node: Any, grid: Grid) -> dict[str, Any]:
    """Return what :func:`keep_facts` wrote as keywords of :class:`Volume`; matrices only if the node was not moved."""
    text = node.GetAttribute(ATTRIBUTE)
    try:
        facts = json.loads(text) if text else {}
        found: dict[str, Any] = {
            "notes": tuple(map(str, facts.get("notes", ()))),
            "inverted": bool(facts.get("inverted", False)),
        }
        if facts.get("matrices") and _is_here(facts["grid"], grid):
            lists = facts["matrices"].items()
            values: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in lists}
            found["matrices"] = NiftiMatrices(**values)
    except (ValueError, TypeError, KeyError, AttributeError):  # of another version, or written by somebody else
        return {}
    return found


def _place(grid: Grid) -> list[list[float]]:
    """Return four voxels that say where a grid lies."""
    i, j, k = (n - 1 for n in grid.size)
    places: list[list[float]] = grid.to_lps([[0, 0, 0], [i, 0, 0], [0, j, 0], [i, j, k]]).tolist()
    return places


def _is_here(place: list[list[float]], grid: Grid) -> bool:
    return bool(np.allclose(place, _place(grid), rtol=0, atol=PLACE_MM))
