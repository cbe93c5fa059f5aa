"""The command ``localize``: case by case, each whole or not at all."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..cases import EXPORTS, FILES, checked_exports, describe_result
from ..cases.choices import Choices, localize_file
from ..core import CAMLocalizerError, SettingsError
from ..io import case_name, staged_folder
from ..localizer import Localizer

logger = logging.getLogger("CAMLocalizerLib")


def run(options: argparse.Namespace) -> int:
    """Localise in every input and say how each went.

    Args:
        options: parsed arguments of ``localize``.

    Returns:
        0 when every input has its folder, 1 when one failed.

    Raises:
        CAMLocalizerError: what is wrong for every input alike: settings, model, device, equal case names.
    """
    names = _case_names(options.inputs)
    if options.dicom_reference is not None and len(names) > 1:
        raise SettingsError(f"--dicom-reference is one series, got {len(names)} inputs; run them one by one")
    choices = Choices.of(vars(options))
    choices.check()
    localizer = choices.localizer()
    outcomes = {}
    for path, name in zip(options.inputs, names, strict=True):
        outcomes[name] = _attempt(path, options.output / name, localizer, choices, options)
    if len(outcomes) > 1:
        _summarise(outcomes)
    return int(any(outcome is not None for outcome in outcomes.values()))


def _case_names(inputs: list[Path]) -> list[str]:
    """Name the cases; of names that differ in case only, one folder on some systems, the second gets a number."""
    names: list[str] = []
    taken: set[str] = set()
    first = {case_name(path): path for path in reversed(inputs)}
    for path in inputs:
        name = case_name(path)
        if (other := first[name]) is not path:
            raise SettingsError(
                f"{other} and {path} would both be written to the case folder {name!r}; rename one or use two runs"
            )
        names.append(_free_name(name, taken))
        taken.add(names[-1].casefold())
        if names[-1] != name:
            logger.warning("%s: is written to %s, since another case is called alike but for its case", path, names[-1])
    return names


def _free_name(name: str, taken: set[str]) -> str:
    found = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(each for each in found if each.casefold() not in taken)


def _attempt(
    path: Path, target: Path, localizer: Localizer, choices: Choices, options: argparse.Namespace
) -> str | None:
    """Handle one input; return what went wrong, None if all went well. Whatever it is, the next input gets its turn."""
    try:
        with staged_folder(target, options.overwrite) as staging, _progress(case_name(path)) as progress:
            result = localize_file(
                path,
                localizer,
                choices,
                staging,
                series=options.series,
                reference=options.dicom_reference,
                progress=progress,
            )
            files = FILES | {name: EXPORTS[name].file for name in checked_exports(choices.export)}
            written = {title: target / file for title, file in files.items() if (staging / file).exists()}
        print(describe_result(result, written), flush=True)
    except CAMLocalizerError as error:
        print(f"camlocalizer: {error}", file=sys.stderr)
        return str(error)
    except MemoryError:
        sentence = f"{path}: not enough memory; close other programs or use a smaller volume"
        print(f"camlocalizer: {sentence}", file=sys.stderr)
        return sentence
    except Exception as error:
        logger.exception("%s: an error that was not foreseen", path.name)
        return f"{type(error).__name__}: {error}"
    return None


@contextmanager
def _progress(name: str) -> Iterator[Any]:
    """Show a progress bar of images on a terminal, and nothing elsewhere."""
    with tqdm(desc=name, unit="image", leave=False, disable=not sys.stderr.isatty()) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def _summarise(outcomes: dict[str, str | None]) -> None:
    failed = sum(outcome is not None for outcome in outcomes.values())
    print(f"\n{len(outcomes) - failed} of {len(outcomes)} inputs done" + (f", {failed} failed" if failed else ""))
    width = max(map(len, outcomes))
    for name, outcome in outcomes.items():
        print(f"  {name:<{width}}  {'done' if outcome is None else 'FAILED: ' + outcome}")
