"""The command ``evaluate``: a model's figures on labelled images, and what filtering them tells."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..core import SettingsError

NO_BASELINE = "none"


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
    from ..evaluation.figures import ALL
    from ..evaluation.networks_by_patient import networks_by_patient
    from ..evaluation.quality import FILES, evaluate_quality
    from ..evaluation.quality_files import figure_text
    from ..io import staged_folder
    from ..localizer import choose_device

    networks = networks_by_patient(options.model, str(choose_device(options.device)))
    with staged_folder(options.output, options.overwrite, known_files=FILES) as folder, _progress() as progress:
        figures = evaluate_quality(
            networks,
            _sources(options),
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
    with _progress() as progress:
        data = read_evaluation_data(
            _sources(options),
            bundle.card,
            folds=options.folds,
            seed=options.seed,
            strides=strides_of(bundle),
            progress=progress,
        )
    options.after_interruption = "finished trainings are kept; the same command goes on with them"
    found = evaluate(bundle, data, options.output, options=training, device=str(device), report=_say)
    for sentence in findings(found):
        _say(sentence)
    for file in (CSV_FILE, JSON_FILE):
        _say(f"  {options.output / file}")
    return 0


def _sources(options: argparse.Namespace) -> Any:
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


@contextmanager
def _progress() -> Iterator[Any]:
    """Show a progress bar of files on a terminal, and nothing elsewhere."""
    with tqdm(desc="files", unit="file", leave=False, disable=not sys.stderr.isatty()) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
