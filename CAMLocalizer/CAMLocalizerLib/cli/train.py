"""The command ``train``: everything checked first, then fold by fold, each of which can be gone on with."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm


def run(options: argparse.Namespace) -> int:
    """Train what a configuration describes.

    Args:
        options: parsed arguments of ``train``.

    Returns:
        0.

    Raises:
        CAMLocalizerError: what is wrong with configuration, table, images or output folder, before anything is
            trained.
    """
    from ..training.checks import Problems
    from ..training.fit.engine import is_helper_process
    from ..training.output import begin_output, check_output, output_problems
    from ..training.preparation import prepare_training
    from ..training.runs import run_training

    helper = is_helper_process()
    output: Path = options.output or Path(options.config.stem)
    check_output(output, resume=options.resume or helper, overwrite=options.overwrite and not helper)
    problems = Problems()
    with _progress("reading") as progress:
        training = prepare_training(options.config, problems, progress)
    if training is not None and not options.overwrite:
        problems.extend(output_problems(output, training.plan()))
    problems.raise_if_any(str(options.config))
    assert training is not None
    begin_output(output, training.plan(), overwrite=options.overwrite and not helper)
    options.after_interruption = f"what was trained is kept; go on with: {_resumption(options, output)}"
    images = training.images
    say = _ignore if helper else _say
    say(f"{len(images)} images of {len(set(images.patients.tolist()))} patients in {len(images.classes)} classes")
    bundle = run_training(training, output, say)
    if bundle is not None:
        _say(f"model bundle: {bundle.folder}")
        _say(f"try it: camlocalizer localize IMAGE --model {shlex.quote(str(bundle.folder))} --output results")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _ignore(_line: str) -> None:
    pass


def _resumption(options: argparse.Namespace, output: Path) -> str:
    return shlex.join(["camlocalizer", "train", str(options.config), "--output", str(output), "--resume"])


@contextmanager
def _progress(title: str) -> Iterator[Any]:
    """Show a progress bar of files on a terminal, and nothing elsewhere."""
    with tqdm(desc=title, unit="file", leave=False, disable=not sys.stderr.isatty()) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
