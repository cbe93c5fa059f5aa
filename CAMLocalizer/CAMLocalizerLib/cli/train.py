"""The command ``train``: everything checked first, then fold by fold, each of which can be resumed."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from .loading import loading
from .progress_bar import progress_bar

EXAMPLE = """examples:
  camlocalizer train brain.toml --output brain-training
  camlocalizer train labels.csv --from brain-t1ce --output tuned
  camlocalizer localize case.nii.gz --model brain-training/my-model --output results
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "train",
        help="train a network on labelled images",
        description="Train a network on a folder of images and a table of labels, as CONFIG says (docs/training.md), "
        "measure it by cross-validation and write a model bundle. With --from, fine-tune a model bundle; CONFIG may "
        "then be the table of labels itself.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "config", type=Path, metavar="CONFIG", help="configuration in TOML or JSON; with --from or a CSV table"
    )
    parser.add_argument("--from", dest="parent", metavar="MODEL", help="start from a model bundle, its name or folder")
    parser.add_argument("--images", type=Path, metavar="DIR", help="folder of the images (default: as CONFIG says)")
    parser.add_argument("--name", metavar="NAME", help="of the new model (default: as CONFIG says, or MODEL-tuned)")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="folder of the training (default: CONFIG's name without ending)"
    )
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--resume", action="store_true", help="resume the training in DIR")
    group.add_argument("--overwrite", action="store_true", help="replace the training in DIR")
    parser.set_defaults(run=run)


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
    with loading(options):
        from ..training.checks import Problems
        from ..training.fine_tuning.parent import load_parent
        from ..training.fit.engine import is_helper_process
        from ..training.output import begin_output, check_output, output_problems
        from ..training.preparation import prepare_training
        from ..training.runs import run_training

    helper = is_helper_process()
    output: Path = options.output or Path(options.config.stem)
    check_output(output, resume=options.resume or helper, overwrite=options.overwrite and not helper)
    problems = Problems()
    parent = None if options.parent is None else load_parent(options.parent)
    with progress_bar("reading", "file") as progress:
        training = prepare_training(options.config, problems, progress, parent=parent, changes=_changes(options))
    if training is not None and not options.overwrite:
        problems.extend(output_problems(output, training.plan()))
    problems.raise_if_any(str(options.config))
    assert training is not None
    patients = training.images.patients.tolist()
    begin_output(output, training.plan(), overwrite=options.overwrite and not helper, patients=patients)
    options.after_interruption = f"what was trained is kept; resume with: {_resumption(options, output)}"
    images = training.images
    say = _ignore if helper else _say
    say(f"{len(images)} images of {len(set(patients))} patients in {len(images.classes)} classes")
    bundle = run_training(training, output, say)
    if bundle is not None:
        _say(f"model bundle: {bundle.folder}")
        _say(f"try it: camlocalizer localize IMAGE --model {shlex.quote(str(bundle.folder))} --output results")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _ignore(_line: str) -> None:
    pass


def _changes(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return what the command line changes in the configuration."""
    changes: dict[str, dict[str, Any]] = {}
    if options.images is not None:
        changes["data"] = {"images": str(options.images.resolve())}
    if options.name is not None:
        changes["model"] = {"name": options.name}
    return changes


def _resumption(options: argparse.Namespace, output: Path) -> str:
    words = ["camlocalizer", "train", str(options.config)]
    given = {"--from": options.parent, "--images": options.images, "--name": options.name, "--output": output}
    for name, value in given.items():
        words += [] if value is None else [name, str(value)]
    return shlex.join([*words, "--resume"])
