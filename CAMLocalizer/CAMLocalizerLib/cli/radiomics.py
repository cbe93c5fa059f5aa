"""The command ``radiomics``."""

from __future__ import annotations

import argparse

from ..core import InputError, OutputError
from ..io import read_label_map, read_volume
from ..measure import place_label_map, radiomics, read_radiomics_params, segment_masks


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
        raise OutputError(f"{options.output}: exists already; choose another name or allow --overwrite")
    if not options.output.parent.is_dir():
        raise OutputError(f"{options.output}: its folder does not exist; make it first")
    params = None if options.params is None else read_radiomics_params(options.params)
    volume = read_volume(options.image, series=options.series)
    label_map = place_label_map(read_label_map(options.label_map), volume.grid, resample=options.resample)
    masks = segment_masks(label_map, per_region=options.regions)
    if not masks:
        raise InputError(f"{options.label_map}: the label map is empty; there is nothing to measure")
    table = radiomics(volume, masks, params=params, mask_name=options.label_map.name)
    table.write_csv(options.output)
    rows = "one segment" if len(table.rows) == 1 else f"{len(table.rows)} segments"
    print(f"{rows}, {len(table.columns)} columns by {table.source}: {options.output}")
    for row in table.rows:
        if note := row.get("Note"):
            print(f"  note: {row['Segment']}: {note}")
    return 0
