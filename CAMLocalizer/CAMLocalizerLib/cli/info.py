"""The command ``info``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .loading import loading

if TYPE_CHECKING:
    from ..io import Examination, VolumeInfo


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "info",
        help="say what is in a volume, or why it would be refused",
        description="Say what is in volumes, or why they would be refused.",
    )
    put = parser.add_argument
    put("files", nargs="+", type=Path, metavar="FILE", help="volume, or folder with DICOM series")
    put("--series", metavar="UID", help="DICOM series, where a folder has several; UID#2 is its stack 2")
    put("--json", action="store_true", help="print JSON, for programs")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what is in files and folders, and why those that cannot be read would be refused.

    Returns:
        0 when all can be read as they are given, 1 when one would be refused.
    """
    with loading(options):
        from ..io import examine

    found = [each for path in options.files for each in examine(path, series=options.series)]
    if options.json:
        values = [each.to_json() for each in found]
        print(json.dumps(values[0] if len(values) == 1 else values, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        _show(found)
    return int(any(each.refusal for each in found))


def _show(found: list[Examination]) -> None:
    for number, each in enumerate(found):
        if each.info is None:
            print(f"camlocalizer: {each.refusal}", file=sys.stderr)
            continue
        if number:
            print()
        if len(found) > 1:
            print(f"{'path':<12} {each.path}")
        if each.series:
            print(f"{'series':<12} {each.series}")
        for title, text in _lines(each.info):
            print(f"{title:<12} {text}")


def _lines(info: VolumeInfo) -> list[tuple[str, str]]:
    low, high = info.intensity_range
    percentiles = ", ".join(f"{percent}%: {value:.5g}" for percent, value in info.percentiles.items())
    modality = [("modality", info.modality)] if info.modality else []
    return [
        ("name", info.name),
        ("format", info.format),
        *modality,
        ("size", " x ".join(map(str, info.size)) + " voxels"),
        ("spacing", " x ".join(f"{value:.4g}" for value in info.spacing_mm) + " mm"),
        ("origin", "(" + ", ".join(f"{value:.4g}" for value in info.origin_mm) + ") mm LPS"),
        ("orientation", f"{info.orientation}, oblique by {info.oblique_deg:.1f} degrees"),
        ("acquired", f"{info.acquisition_plane} slices"),
        ("intensities", f"{low:.5g} to {high:.5g} {info.unit}".rstrip()),
        ("percentiles", percentiles),
        *[("note", note) for note in info.notes],
    ]
