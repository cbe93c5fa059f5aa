"""The command ``rerun``."""

from __future__ import annotations

import argparse
from pathlib import Path

from .loading import loading

EXAMPLE = """example:
  camlocalizer rerun results/brain/report.json
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "rerun",
        help="compute a result again from its report",
        description="Compute the label map of a report again, from the same volume (checked by checksum) with the same "
        "model and settings, and say whether it is the same. Ends with 1 if it is not.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    put = parser.add_argument
    put("report", type=Path, metavar="report.json", help="report of a case")
    put(
        "--input",
        type=Path,
        metavar="FILE|DIR",
        help="the volume, or the folder to search for it (default: this folder)",
    )
    put("--series", metavar="UID", help="DICOM series, where a folder has several; UID#2 is its stack 2")
    put("--model", metavar="NAME|FOLDER", help="bundle (default: the report's)")
    put("--output", type=Path, metavar="DIR", help="also write the files of the case into DIR/<case>")
    put("--device", default="auto", metavar="auto|cpu|cuda|cuda:N|mps", help="where to compute (default: %(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compute a result again and compare it.

    Returns:
        0 if the label map is the same, 1 if not.

    Raises:
        CAMLocalizerError: a report, volume or model that cannot be used, or a folder that cannot be written.
    """
    with loading(options):
        from ..cases import write_results
        from ..cases.rerun import find_input, read_recipe, rerun, same_result
        from ..io import case_name, staged_folder

    recipe = read_recipe(options.report)
    path, volume = find_input(recipe, options.input or Path.cwd(), series=options.series)
    result = rerun(recipe, path, volume, model=options.model, device=options.device)
    if options.output is not None:
        target = options.output / case_name(path)
        with staged_folder(target) as staging:
            write_results(result, staging)
        print(f"written to {target}")
    same = same_result(recipe, result)
    print(
        f"{path.name}: {'the same label map' if same else 'ANOTHER label map'}, {result.label_map.volume_mm3:.1f} mm3"
    )
    for note in result.localization.notes:
        print(f"  note: {note}")
    return int(not same)
