"""The command ``radiomics``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..option_names import UNITS
from ..version import VERSION
from .loading import loading

if TYPE_CHECKING:
    from ..core import LabelMap

EXAMPLE = """example:
  camlocalizer radiomics brain.nii.gz results/brain/labelmap.nii.gz --output features.csv
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "radiomics",
        help="measure the segments of a label map",
        description="Measure shape, intensity and texture of every segment of LABELMAP in IMAGE with pyradiomics, or, "
        "where it is not installed, shape and intensity with SimpleITK (columns sitk_...). One row per segment.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    put = parser.add_argument
    put("image", type=Path, metavar="IMAGE", help="volume, or folder with a DICOM series")
    put("label_map", type=Path, metavar="LABELMAP", help="label map or .seg.nrrd on the image's grid")
    put("--output", required=True, type=Path, metavar="FILE.csv", help="table to write")
    put("--overwrite", action="store_true", help="replace a table that exists")
    put("--params", type=Path, metavar="FILE.yaml", help="parameter file of pyradiomics")
    put("--components", "--regions", action="store_true", help="also a row for each connected component of a segment")
    put("--resample", action="store_true", help="bring a label map of another grid onto the image's, nearest neighbour")
    put("--unit", choices=UNITS, help="of the voxels, where the file names none; SUVbw brings PET measures")
    put("--series", metavar="UID", help="DICOM series, where a folder has several; UID#2 is its stack 2")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure the segments of a label map and write the table.

    Returns:
        0.

    Raises:
        CAMLocalizerError: files that cannot be read or do not fit together, an empty label map, or a table that cannot
            be written.
    """
    with loading(options):
        from ..cases.provenance import fact_columns
        from ..core import InputError, OutputError
        from ..io import read_label_map, read_volume
        from ..io.image import prefix_path
        from ..io.utf8_paths import escape_non_utf8
        from ..io.writing import already_exists_error
        from ..measure import place_label_map, radiomics, read_radiomics_params, segment_masks

    if options.output.suffix.lower() != ".csv":
        raise OutputError(f"{options.output}: the table must be named .csv")
    if options.output.exists() and not options.overwrite:
        raise already_exists_error(options.output)
    if not options.output.parent.is_dir():
        raise OutputError(f"{options.output}: its folder does not exist; make it first")
    params = None if options.params is None else read_radiomics_params(options.params)
    volume = read_volume(options.image, series=options.series, unit=options.unit)
    own = read_label_map(options.label_map)
    with prefix_path(options.label_map):
        label_map = place_label_map(own, volume.grid, resample=options.resample)
    masks = segment_masks(label_map, per_component=options.components)
    if not masks:
        raise InputError(f"{options.label_map}: the label map is empty; there is nothing to measure")
    table = radiomics(volume, masks, params=params, mask_name=escape_non_utf8(options.label_map.name))
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
    from ..io import source_sha256

    return {
        "camlocalizer": VERSION,
        "source_sha256": source_sha256(options.image, series=options.series),
        "label_map_sha256": source_sha256(options.label_map),
        "params_sha256": "" if options.params is None else source_sha256(options.params),
        "settings": {"components": options.components, "resample": options.resample, "unit": options.unit},
    }


def _ml(label_map: LabelMap) -> str:
    from ..core import MM3_PER_ML

    return f"{label_map.volume_mm3 / MM3_PER_ML:.2f}"
