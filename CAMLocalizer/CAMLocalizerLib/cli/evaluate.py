"""The command ``evaluate``: a model's figures on labelled images, and what filtering them tells."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from .loading import loading
from .progress_bar import progress_bar

BASELINES = ("largest-bright", "suv-4", "suv-2.5", "41%")
NO_BASELINE = "none"
EXAMPLE = """examples:
  camlocalizer evaluate brain-t1ce slices.csv --masks masks --output quality
  camlocalizer evaluate my-training slices.csv --masks masks --output quality
  camlocalizer evaluate brain-t1ce slices.csv --masks masks --filters --output filters
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "evaluate",
        help="measure a model on labelled images",
        description="Measure a model's label maps and probabilities on labelled images, beside plain thresholds and "
        "with intervals by patient (docs/evaluate.md). Writes figures.json, cases.csv, table.md, cases.png and "
        "reliability.png. With --filters, train its network anew on images multiplied by the model's maps, by the "
        "tumours' masks and by what is around them instead (docs/filters.md).",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    put = parser.add_argument
    put("model", metavar="MODEL", help="model bundle, its name or folder; or a training folder with folds")
    put(
        "data", type=Path, metavar="DATA", help="CSV with file, label, patient, and perhaps slice, mask, site and plane"
    )
    put("--output", required=True, type=Path, metavar="DIR", help="where the results are written")
    put("--images", type=Path, metavar="DIR", help="folder of the images (default: DATA's own)")
    put("--masks", type=Path, metavar="DIR", help="folder of masks named like the images (default: DATA's column mask)")
    put("--column", action="append", default=[], metavar="NAME=COLUMN", help="what a column is called in DATA")
    put(
        "--baseline",
        action="append",
        default=[],
        choices=(*BASELINES, NO_BASELINE),
        help="compare with a plain threshold; may be given again (default: by the model's unit and modality)",
    )
    put("--device", default="auto", metavar="auto|cpu|cuda|cuda:N|mps", help="where to compute (default: %(default)s)")
    put("--seed", type=int, default=0, metavar="N", help="of intervals, folds and training (default: %(default)s)")
    put("--overwrite", action="store_true", help="replace earlier results")
    _add_filters(parser)
    parser.set_defaults(run=run)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("retraining on filtered images").add_argument
    add("--filters", action="store_true", help="train the model's network anew, four times per fold")
    add("--folds", type=int, default=5, metavar="N", help="folds by patient, if DATA has none (default: %(default)s)")
    add("--epochs", type=int, default=20, metavar="N", help="of each training (default: %(default)s)")
    add("--batch-size", type=int, default=16, metavar="N", help="images per step (default: %(default)s)")
    add("--learning-rate", type=float, default=1e-3, metavar="X", help="of Adam (default: %(default)s)")


def run(options: argparse.Namespace) -> int:
    """Measure a model, or retrain its network on filtered images.

    Args:
        options: parsed arguments of ``evaluate``.

    Returns:
        0.

    Raises:
        CAMLocalizerError: what is wrong with model, table, images, masks or settings, before anything is written.
    """
    return _retrain(options) if options.filters else _measure(options)


def _measure(options: argparse.Namespace) -> int:
    with loading(options):
        from ..evaluation.figures import ALL
        from ..evaluation.networks_by_patient import networks_by_patient
        from ..evaluation.quality import FILES, evaluate_quality
        from ..evaluation.quality_files import figure_text
        from ..io import staged_folder
        from ..localizer import choose_device

    networks = networks_by_patient(options.model, str(choose_device(options.device)))
    with (
        staged_folder(options.output, options.overwrite, known_files=FILES) as folder,
        progress_bar("files", "file") as progress,
    ):
        figures = evaluate_quality(
            networks,
            sources_of(options),
            folder,
            baselines=_baselines(options.baseline),
            command=_command(options),
            seed=options.seed,
            progress=progress,
        )
    for figure in figures:
        if figure.group == ALL:
            _say(f"{figure.part}, {figure.measure}, {figure.system}: {figure_text(figure)}")
    for file in FILES:
        if (options.output / file).exists():
            _say(f"  {options.output / file}")
    return 0


def _retrain(options: argparse.Namespace) -> int:
    with loading(options):
        from ..core import SettingsError
        from ..evaluation.data import read_evaluation_data
        from ..evaluation.filter_evaluation import CSV_FILE, JSON_FILE, evaluate, findings, strides_of
        from ..evaluation.networks_by_patient import is_training_folder
        from ..localizer import choose_device
        from ..models import load_model

    if options.folds < 2:
        raise SettingsError(f"--folds must be at least 2, got {options.folds}")
    if is_training_folder(Path(options.model)):
        raise SettingsError(f"--filters needs a model bundle, got the training folder {options.model}")
    device = choose_device(options.device)
    training = _training(options, device.type)
    bundle = load_model(options.model)
    with progress_bar("files", "file") as progress:
        data = read_evaluation_data(
            sources_of(options),
            bundle.card,
            folds=options.folds,
            seed=options.seed,
            strides=strides_of(bundle),
            progress=progress,
        )
    options.after_interruption = "finished trainings are kept; the same command resumes"
    found = evaluate(bundle, data, options.output, options=training, device=str(device), report=_say)
    for sentence in findings(found):
        _say(sentence)
    for file in (CSV_FILE, JSON_FILE):
        _say(f"  {options.output / file}")
    return 0


def sources_of(options: argparse.Namespace) -> Any:
    """Return where the data of a command with DATA, --images, --masks and --column lie."""
    from ..core import SettingsError
    from ..evaluation.sources import Sources

    columns = {}
    for text in options.column:
        name, sign, column = text.partition("=")
        if not (name and sign and column):
            raise SettingsError(f"--column takes NAME=COLUMN, such as site=hospital, got {text!r}")
        columns[name] = column
    return Sources(options.data, options.images, options.masks, columns)


def _baselines(names: list[str]) -> tuple[str, ...] | None:
    """Return the baselines that were asked for, None for the model's usual ones."""
    if not names:
        return None
    return tuple(dict.fromkeys(name for name in names if name != NO_BASELINE))


def _command(options: argparse.Namespace) -> str:
    """Write the command with what decides the figures."""
    words = ["camlocalizer", "evaluate", options.model, str(options.data)]
    for name in ("images", "masks"):
        if (value := getattr(options, name)) is not None:
            words += [f"--{name}", str(value)]
    for name in ("column", "baseline"):
        for value in getattr(options, name):
            words += [f"--{name}", value]
    return shlex.join([*words, "--seed", str(options.seed), "--output", str(options.output)])


def _training(options: argparse.Namespace, device: str) -> Any:
    from ..training.fit.engine import require_lightning
    from ..training.fitting import FitOptions

    require_lightning()
    return FitOptions(
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        seed=options.seed,
        accelerator={"cuda": "gpu"}.get(device, device),
    )


def _say(line: str) -> None:
    print(line, flush=True)
