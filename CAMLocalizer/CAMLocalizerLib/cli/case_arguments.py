"""The arguments that ``localize`` and ``batch`` have in common."""

from __future__ import annotations

import argparse

from ..case_files import EXPORT_FILES
from ..option_names import DEFAULT_MODEL, MAPS, PRECISIONS, REFINEMENTS, UNITS, VIEWS


def add_case_arguments(parser: argparse.ArgumentParser) -> None:
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
