"""The command ``review``: the review page of a volume, until Ctrl+C."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

from ..option_names import UNITS
from .loading import loading

EXTRA = "trame_slicer"
EXAMPLE = """example:
  camlocalizer review brain.nii.gz
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "review",
        help="review a volume in the browser",
        description="Show FILE in the browser, find its tumours with one button, correct, accept and export them. "
        "The page answers on this machine only, to whoever has its address, one reviewer at a time.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="NRRD, NIfTI, MetaImage, DICOM folder or 2D image")
    add("--model", metavar="NAME|FOLDER", help="model bundle (default: one that suits the volume)")
    add("--unit", choices=UNITS, help="of the voxels of FILE, where it names none; SUVbw brings PET measures")
    add(
        "--folder",
        type=Path,
        metavar="DIR",
        help="further volumes are read from it, uploads and results written into it (default: that of FILE)",
    )
    add("--port", type=_port, default=0, metavar="N", help="of the page's address (default: a free one)")
    add("--no-browser", action="store_true", help="only print the address")
    add("--device", default="auto", metavar="auto|cpu|cuda|cuda:N|mps", help="where to compute (default: %(default)s)")
    parser.set_defaults(run=run)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text!r}")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Serve the review of a volume.

    Args:
        options: parsed arguments of ``review``.

    Returns:
        0, after Ctrl+C too, which is how a review ends.

    Raises:
        SettingsError: the extra is not installed, or nothing can be drawn on this machine.
        CAMLocalizerError: a volume, folder, model or port that cannot be used.
    """
    from ..core import SettingsError

    if find_spec(EXTRA) is None:
        raise SettingsError("the review needs the extra 'review'; install it with: pip install 'camlocalizer[review]'")
    with loading(options):
        from ..review.opengl import OpenGLProbe
        from ..review.review_options import ReviewOptions

    wanted = ReviewOptions(
        options.file, options.folder, options.model, options.device, options.port, not options.no_browser, options.unit
    )
    with OpenGLProbe() as probe:
        wanted.open_folder()
        volume = wanted.open_volume()
        with loading(options):
            from ..review.serve import serve  # takes about a second, as the probe does

        if sentence := probe.problem():
            raise SettingsError(sentence)
    serve(wanted, volume, _announce)
    return 0


def _announce(address: str) -> None:
    print(f"Review at {address}\nCtrl+C ends it.", flush=True)
