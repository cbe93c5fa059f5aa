"""The command ``radiomics``."""

from __future__ import annotations

import argparse
from typing import Any

from ..cases.provenance import fact_columns
from ..core import MM3_PER_ML, InputError, LabelMap, OutputError
from ..io import read_label_map, read_volume, source_sha256
from ..io.image import named
from ..io.plain_paths import readable
from ..io.writing import exists_already
from ..measure import place_label_map, radiomics, read_radiomics_params, segment_masks
from ..version import VERSION


def run(options: argparse.Namespace) -> int:
    """Measure the segments of a label map and write the table.

    Returns:
        0.

    Raises:
        CAMLocalizerError: files that cannot be read or do not fit together, an empty label map, or a table that cannot
            be written.
    """
    if options.output.suffix.lower() != ".csv":
        raise OutputError(f"{options.output}: the table must be named .csv")
    if options.output.exists() and not options.overwrite:
        raise exists_already(options.output)
    if not options.output.parent.is_dir():
        raise OutputError(f"{options.output}: its folder does not exist; make it first")
    params = None if options.params is None else read_radiomics_params(options.params)
    volume = read_volume(options.image, series=options.series, unit=options.unit)
    own = read_label_map(options.label_map)
    with named(options.label_map):
        label_map = place_label_map(own, volume.grid, resample=options.resample)
    masks = segment_masks(label_map, per_region=options.regions)
    if not masks:
        raise InputError(f"{options.label_map}: the label map is empty; there is nothing to measure")
    table = radiomics(volume, masks, params=params, mask_name=readable(options.label_map.name))
    table.with_columns(fact_columns(_facts(options))).write_csv(options.output, overwrite=options.overwrite)
    if options.resample and not own.grid.matches(volume.grid):
        print(f"note: the label map was brought onto the image's grid: {_ml(own)} ml became {_ml(label_map)} ml")
    for sentence in volume.notes:
        print(f"note: {sentence}")
    rows = "one segment" if len(table.rows) == 1 else f"{len(table.rows)} segments"
    print(f"{rows}, {len(table.columns)} columns by {table.source}: {options.output}")
    for row in table.rows:
        if note := row.get("Note"):
            print(f"  note: {row['Segment']}: {note}")
    return 0


def _facts(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the table says of where it comes from."""
    return {
        "camlocalizer": VERSION,
        "source_sha256": source_sha256(options.image, series=options.series),
        "label_map_sha256": source_sha256(options.label_map),
        "params_sha256": "" if options.params is None else source_sha256(options.params),
        "settings": {"regions": options.regions, "resample": options.resample, "unit": options.unit},
    }


def _ml(label_map: LabelMap) -> str:
    return f"{label_map.volume_mm3 / MM3_PER_ML:.2f}"
