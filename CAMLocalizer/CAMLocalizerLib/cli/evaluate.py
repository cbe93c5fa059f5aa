"""The command ``evaluate``: a model's figures on labelled images, and what filtering them tells."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from ..core import SettingsError


def run(options: argparse.Namespace) -> int:
    """Measure a model, and retrain its network if asked to.

    Args:
        options: parsed arguments of ``evaluate``.

    Returns:
        0.

    Raises:
        CAMLocalizerError: what is wrong with model, table, images, masks or settings, before anything is trained.
    """
    from ..localizer import choose_device
    from ..models import load_model
    from ..training.evaluation_data import read_evaluation_data
    from ..training.evaluation_sources import Sources
    from ..training.model_evaluation import CSV_FILE, JSON_FILE, evaluate, findings, strides_of

    if options.folds < 2:
        raise SettingsError(f"--folds must be at least 2, got {options.folds}")
    device = choose_device(options.device)
    training = _training(options, device.type) if options.filters else None
    bundle = load_model(options.model)
    sources = Sources(options.data, options.images, options.masks)
    with _progress() as progress:
        data = read_evaluation_data(
            sources,
            bundle.card,
            folds=options.folds if options.filters else None,
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
    with tqdm(desc="reading", unit="file", leave=False, disable=not sys.stderr.isatty()) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
