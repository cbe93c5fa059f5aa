"""Arguments of ``radiomics``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..option_names import UNITS

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
    put("--regions", action="store_true", help="also a row for each connected region of a segment")
    put("--resample", action="store_true", help="bring a label map of another grid onto the image's, nearest neighbour")
    put("--unit", choices=UNITS, help="of the voxels, where the file names none; SUVbw brings PET measures")
    put("--series", metavar="UID", help="DICOM series, where a folder has several; UID#2 is its stack 2")
