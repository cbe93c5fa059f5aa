"""The command ``review``: the review page of a volume or of a worklist, until Ctrl+C."""

from __future__ import annotations

import argparse
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..option_names import UNITS
from .archive_arguments import add_archive_arguments, archive_or_path, check_no_archive_options, study_options
from .loading import loading

if TYPE_CHECKING:
    from ..archive.request import ArchiveRequest
    from ..core import Volume
    from ..review.review_options import ReviewOptions
    from ..review.worklist_options import OpenedWorklist, WorklistOptions

EXTRA = "trame_slicer"
EXAMPLE = """examples:
  camlocalizer review brain.nii.gz
  camlocalizer review scans --reader anna
  camlocalizer review results --folder archive --reader anna
  camlocalizer review dicomweb+https://pacs.example.org/dicom-web --query Modality=MR --output reviewed
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "review",
        help="review a volume, a folder of scans, the results of a batch or studies of an archive in the browser",
        description="Show INPUT in the browser, find its tumours, correct, accept and export them. A folder of scans, "
        "the results of a batch or studies of a DICOMweb archive open as a worklist: cases that need a look come "
        "first, and one key answers. Results are sent into a study of an archive when you press the button. "
        "The page answers on this machine only, to whoever has its address, one reviewer at a time.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "file",
        type=archive_or_path,
        metavar="INPUT",
        help="NRRD, NIfTI, MetaImage, DICOM series or 2D image; folder of scans; results of a batch; or DICOMweb "
        "archive as dicomweb+https://HOST/PATH",
    )
    add("--output", type=Path, metavar="DIR", help="of an archive: where worklist and results are kept")
    add("--model", metavar="NAME|FOLDER", help="model bundle (default: that of the batch, or one that suits)")
    add("--unit", choices=UNITS, help="of voxels whose file names none; SUVbw brings PET measures")
    add(
        "--folder",
        type=Path,
        metavar="DIR",
        help="of a file: further volumes are read from it, uploads and results written into it (default: that of the "
        "file); of the results of a batch: its archive (default: looked for beside them)",
    )
    add(
        "--reader",
        metavar="NAME",
        help="of a worklist: who answers, not a patient (default: the variable CAMLOCALIZER_READER, or reader-1)",
    )
    add(
        "--patient",
        default="",
        metavar="REGEX",
        help=r"of a worklist: its first group is the patient in a file's path, such as '(P\d+)_' (default: PatientID "
        "as a pseudonym, first folder, or name)",
    )
    add("--port", type=_port, default=0, metavar="N", help="of the page's address (default: a free one)")
    add("--no-browser", action="store_true", help="only print the address")
    add("--device", default="auto", metavar="auto|cpu|cuda|cuda:N|mps", help="where to compute (default: %(default)s)")
    add_archive_arguments(parser, search=True, results=False)
    parser.set_defaults(run=run)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text!r}")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Serve the review of a volume or of a worklist.

    Args:
        options: parsed arguments of ``review``.

    Returns:
        0, after Ctrl+C too, which is how a review ends.

    Raises:
        SettingsError: the extra is not installed, or nothing can be drawn on this machine.
        CAMLocalizerError: a volume, folder, model, port or worklist that cannot be used.
    """
    from ..core import SettingsError

    if find_spec(EXTRA) is None:
        raise SettingsError("the review needs the extra 'review'; install it with: pip install 'camlocalizer[review]'")
    with loading(options):
        from ..review.opengl import OpenGLProbe
        from ..review.worklist_options import OpenedWorklist

    with OpenGLProbe() as probe:
        wanted, opened = _opened(options)
        try:
            with loading(options):
                from ..review.serve import serve  # takes about a second, as the probe does

            if sentence := probe.problem():
                raise SettingsError(sentence)
        except BaseException:
            if isinstance(opened, OpenedWorklist):
                opened.store.close()
            raise
    lines = _lines(opened)

    def announce(address: str) -> None:
        print("\n".join([f"Review at {address}", *lines, "Ctrl+C ends it."]), flush=True)

    serve(wanted, opened, announce)
    return 0


def _opened(options: argparse.Namespace) -> tuple[ReviewOptions | WorklistOptions, Volume | OpenedWorklist]:
    from ..core import SettingsError
    from ..review.worklist_options import is_worklist

    if isinstance(options.file, str):
        return _worklist(options, _request(options))
    check_no_archive_options(options)
    if options.output is not None:
        raise SettingsError("--output is for an archive; results of files are written into --folder")
    return _worklist(options) if is_worklist(options.file) else _volume(options)


def _request(options: argparse.Namespace) -> ArchiveRequest:
    """Return which studies of an archive are reviewed.

    Raises:
        SettingsError: an address that is none, no folder for the results, or options for files.
    """
    from ..archive.address import ArchiveAddress
    from ..archive.request import ArchiveRequest
    from ..core import SettingsError

    address = ArchiveAddress.parse(options.file, allow_http=options.allow_http)
    if options.output is None:
        raise SettingsError("an archive needs --output DIR, where worklist and results are kept")
    for name in ("folder", "patient"):
        if getattr(options, name):
            raise SettingsError(f"--{name} is for files; leave it out for an archive")
    return ArchiveRequest(address, study_options(options), options.limit)


def _volume(options: argparse.Namespace) -> tuple[ReviewOptions, Volume]:
    from ..core import SettingsError
    from ..review.review_options import ReviewOptions

    for name in ("reader", "patient"):
        if getattr(options, name):
            raise SettingsError(f"--{name} is for a folder of scans; {options.file} is a single one, leave it out")
    wanted = ReviewOptions(
        options.file, options.folder, options.model, options.device, options.port, not options.no_browser, options.unit
    )
    wanted.open_folder()
    return wanted, wanted.open_volume()


def _worklist(
    options: argparse.Namespace, archive: ArchiveRequest | None = None
) -> tuple[WorklistOptions, OpenedWorklist]:
    from ..review.worklist_options import WorklistOptions
    from ..worklist import DEFAULT_READER, READER_VARIABLE

    reader = options.reader or os.environ.get(READER_VARIABLE) or DEFAULT_READER
    wanted = WorklistOptions(
        options.file if archive is None else options.output,
        options.folder,
        archive,
        reader=reader,
        patient=options.patient,
        model=options.model,
        device=options.device,
        port=options.port,
        browser=not options.no_browser,
        unit=options.unit,
    )
    opened = wanted.open_worklist()
    return wanted, opened


def _lines(opened: Volume | OpenedWorklist) -> list[str]:
    """Say what a worklist holds and where answers go."""
    store = getattr(opened, "store", None)
    if store is None:
        return []
    repaired = [f"note: {store.repaired}"] if store.repaired else []
    return [f"{store.counts().total} cases; answers are recorded as {store.reader} in {store.folder}", *repaired]
