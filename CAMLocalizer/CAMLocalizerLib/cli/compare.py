"""The command ``compare``: which of two models is better on held-out cases."""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

from .evaluate import sources_of
from .loading import loading
from .progress_bar import progress_bar

EXAMPLE = """examples:
  camlocalizer compare brain-t1ce tuned/brain-t1ce-tuned held-out.csv
  camlocalizer compare brain-t1ce tuned labels.csv --masks masks --output comparison
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "compare",
        help="say which of two models is better on held-out cases",
        description="Compare two models on labelled images that neither was trained on: accuracy, AUC, and overlap "
        "where there are masks, each with the interval of the difference by patient (docs/compare.md). No model is "
        "called better where chance explains the difference.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    put = parser.add_argument
    put("first", metavar="MODEL_A", help="model bundle, its name or folder; or a training folder with folds")
    put("second", metavar="MODEL_B", help="the other model")
    put("data", type=Path, metavar="DATA", help="CSV with file, label, patient, and perhaps slice and mask")
    put("--output", type=Path, metavar="DIR", help="where comparison.md, comparison.json and cases.csv are written")
    put("--images", type=Path, metavar="DIR", help="folder of the images (default: DATA's own)")
    put("--masks", type=Path, metavar="DIR", help="folder of masks named like the images (default: DATA's column mask)")
    put("--column", action="append", default=[], metavar="NAME=COLUMN", help="what a column is called in DATA")
    put("--leave-out-seen", action="store_true", help="leave out patients that a model was trained on")
    put("--json", action="store_true", help="print JSON")
    put("--device", default="auto", metavar="auto|cpu|cuda|cuda:N|mps", help="where to compute (default: %(default)s)")
    put("--seed", type=int, default=0, metavar="N", help="of the intervals (default: %(default)s)")
    put("--overwrite", action="store_true", help="replace earlier results")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare two models.

    Args:
        options: parsed arguments of ``compare``.

    Returns:
        0, whichever model is better.

    Raises:
        CAMLocalizerError: what is wrong with models, table, images or masks, before anything is written.
    """
    with loading(options):
        from ..evaluation.comparison import compare_models
        from ..evaluation.comparison_files import FILES, comparison_rows, comparison_values, write_comparison
        from ..evaluation.networks_by_patient import networks_by_patient
        from ..io import staged_folder
        from ..localizer import choose_device
        from ..metrics import DRAWS

    device = str(choose_device(options.device))
    models = networks_by_patient(options.first, device), networks_by_patient(options.second, device)
    names = _names(options.first, options.second)
    with progress_bar("files", "file") as progress:
        result = compare_models(
            models,
            names,
            sources_of(options),
            leave_out_seen=options.leave_out_seen,
            draws=DRAWS,
            seed=options.seed,
            progress=progress,
        )
    checksums = [{str(fold): bundle.card.sha256 for fold, bundle in model.bundles.items()} for model in models]
    facts = {"command": _command(options), "sha256": checksums, "seed": options.seed, "draws": DRAWS}
    if options.output is not None:
        with staged_folder(options.output, options.overwrite, known_files=FILES) as folder:
            write_comparison(result, folder, facts)
    if options.json:
        print(json.dumps(comparison_values(result, facts), indent=2, ensure_ascii=False))
        return 0
    _print_table(comparison_rows(result))
    for note in result.notes:
        print(f"note: {note}")
    if result.left_out:
        print(f"note: {len(result.left_out)} patients were left out, as a model was trained on them")
    print(result.conclusion)
    return 0


def _names(first: str, second: str) -> tuple[str, str]:
    """Return what tables call the models: the last part of their paths if these differ."""
    short = Path(first).name, Path(second).name
    return short if short[0] != short[1] and all(short) else (first, second)


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _command(options: argparse.Namespace) -> str:
    """Write the command with what decides the figures."""
    words = ["camlocalizer", "compare", options.first, options.second, str(options.data)]
    for name in ("images", "masks"):
        if (value := getattr(options, name)) is not None:
            words += [f"--{name}", str(value)]
    for value in options.column:
        words += ["--column", value]
    words += ["--leave-out-seen"] if options.leave_out_seen else []
    return shlex.join([*words, "--seed", str(options.seed)])
