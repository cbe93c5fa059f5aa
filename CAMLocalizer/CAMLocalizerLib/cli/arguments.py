"""Arguments of the command line; nothing heavy is imported to read them."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..case_files import EXPORT_FILES
from ..option_names import DEFAULT_MODEL, MAPS, PRECISIONS, REFINEMENTS, UNITS, VIEWS
from ..version import VERSION
from . import (
    batch_arguments,
    evaluate_arguments,
    follow_up_arguments,
    outcome_arguments,
    radiomics_arguments,
    rerun_arguments,
    review_arguments,
    train_arguments,
)

EXAMPLE = """example:
  camlocalizer localize brain.nii.gz --output results
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``camlocalizer`` with its commands."""
    parser = argparse.ArgumentParser(
        prog="camlocalizer",
        description="Find tumours in medical images from the class activation maps of classifiers. "
        "For research; not a medical device.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"camlocalizer {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_localize(commands)
    batch_arguments.add(commands, _add_choices)
    train_arguments.add(commands)
    evaluate_arguments.add(commands)
    review_arguments.add(commands)
    follow_up_arguments.add(commands)
    radiomics_arguments.add(commands)
    rerun_arguments.add(commands)
    outcome_arguments.add(commands)
    commands.add_parser("models", help="list the model bundles", description="List the model bundles.")
    info = commands.add_parser(
        "info",
        help="say what is in a volume, or why it would be refused",
        description="Say what is in volumes, or why they would be refused.",
    )
    info.add_argument("files", nargs="+", type=Path, metavar="FILE", help="volume, or folder with DICOM series")
    info.add_argument("--series", metavar="UID", help="DICOM series, where a folder has several; UID#2 is its stack 2")
    info.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser


def _add_localize(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "localize",
        help="make a tumour label map of each volume",
        description="For each INPUT write a folder DIR/<case>/ with labelmap.nii.gz, activation.nii.gz, "
        "segmentation.seg.nrrd, overview.png, components.csv and report.json.",
    )
    add = parser.add_argument
    add("inputs", nargs="+", type=Path, metavar="INPUT", help="NRRD, NIfTI, MetaImage, DICOM folder or 2D image")
    add("--output", required=True, type=Path, metavar="DIR", help="where the case folders are written")
    add("--overwrite", action="store_true", help="replace case folders that exist")
    add("--series", metavar="UID", help="DICOM series, where a folder has several; UID#2 is its stack 2")
    add("--dicom-reference", type=Path, metavar="DIR", help="DICOM series that the input was made from")
    _add_choices(parser)


def _add_choices(parser: argparse.ArgumentParser) -> None:
    """Add what is asked alike for every case."""
    add = parser.add_argument
    add("--model", default=DEFAULT_MODEL, metavar="NAME|FOLDER", help="model bundle (default: %(default)s)")
    add("--export", type=_names, default=(), metavar="LIST", help=f"further files, of {', '.join(EXPORT_FILES)}")
    add("--unit", choices=UNITS, help="of the voxels, where the file names none; SUVbw brings PET measures")
    _add_settings(parser)
    _add_machine(parser)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("settings, by default the model's own").add_argument
    add("--view", default="auto", choices=VIEWS, help="plane of the slices (default: that of acquisition)")
    add("--map", choices=MAPS, metavar="NAME", help=f"how maps are made: {', '.join(MAPS)}")
    add("--scales", type=_scales, metavar="all|1|1,4|...", help="scales to fuse, 1 is the finest")
    add("--scale-weights", type=_weights, metavar="W,W,...", help="weight of each of --scales")
    add("--threshold", metavar="T", help="of the fused map: 0.4, 200/255, q95 or otsu")
    add("--border", metavar="B", help="of lesions in a PET: adaptive, 41%%, suv2.5 or liver (models of projections)")
    add("--probability-limit", type=float, metavar="P", help="slices with a lower tumour probability are left out")
    add("--min-volume-ml", type=float, metavar="X", help="smaller components are left out")
    add("--keep-largest", type=int, metavar="N", help="number of components to keep")
    add("--refine", choices=REFINEMENTS, help="how the border is drawn to the image's edges")


def _add_machine(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("machine").add_argument
    add("--device", default="auto", metavar="auto|cpu|cuda|cuda:N|mps", help="where to compute (default: %(default)s)")
    add("--batch-size", type=int, default=8, metavar="N", help="slices at once (default: %(default)s)")
    add("--precision", default="float32", choices=PRECISIONS, help="of the network (default: %(default)s)")


def _scales(text: str) -> tuple[int, ...] | str:
    if text == "all":
        return text
    try:
        scales = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected all or whole numbers such as 1,4, got {text!r}") from None
    if len(set(scales)) != len(scales):
        raise argparse.ArgumentTypeError(f"each scale can be given once, got {text!r}")
    return scales


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _weights(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected numbers such as 1,0.5, got {text!r}") from None
