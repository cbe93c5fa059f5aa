"""The command ``localize``: case by case, each whole or not at all."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..cases import (
    EXPORTS,
    FILES,
    CaseResult,
    checked_exports,
    describe_result,
    make_case,
    write_results,
)
from ..core import CAMLocalizerError, InputError, SettingsError
from ..io import DicomSource, case_name, read_dicom_source, read_volume, source_sha256, staged_folder
from ..localizer import Findings, LabelSettings, Localizer
from ..segment import Threshold, check_uptake_fraction

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
    _check_settings(options)
    localizer = Localizer(
        options.model,
        device=options.device,
        batch_size=options.batch_size,
        precision=options.precision,
        map=options.map,
    )
    _check_projections(options, localizer)
    scales = _chosen_scales(options, localizer)
    outcomes = {}
    for path, name in zip(options.inputs, names, strict=True):
        outcomes[name] = _attempt(path, options.output / name, localizer, options, scales)
    if len(outcomes) > 1:
        _summarise(outcomes)
    return int(any(outcome is not None for outcome in outcomes.values()))


def _case_names(inputs: list[Path]) -> list[str]:
    """Name the cases; names that differ in upper and lower case only would share a folder on some systems."""
    names = [case_name(path) for path in inputs]
    taken: dict[str, Path] = {}
    for path, name in zip(inputs, names, strict=True):
        if (other := taken.setdefault(name.casefold(), path)) is not path:
            raise SettingsError(
                f"{other} and {path} would both be written to the case folder {name!r}; rename one or use two runs"
            )
    return names


def _check_settings(options: argparse.Namespace) -> None:
    """Refuse what can be refused before anything is read."""
    if options.threshold is not None:
        Threshold.parse(options.threshold)
    if options.min_volume_ml is not None and not 0 <= options.min_volume_ml < float("inf"):
        raise SettingsError(f"--min-volume-ml must be at least 0, got {options.min_volume_ml}")
    if options.keep_largest is not None and options.keep_largest < 1:
        raise SettingsError(f"--keep-largest must be at least 1, got {options.keep_largest}")
    if options.probability_limit is not None and not 0 <= options.probability_limit <= 1:
        raise SettingsError(f"--probability-limit must be 0 to 1, got {options.probability_limit}")
    if options.uptake_fraction is not None:
        check_uptake_fraction(options.uptake_fraction)
    if options.scale_weights is not None:
        _check_weights(options)
    checked_exports(options.export)
    if options.dicom_reference is not None and len(options.inputs) > 1:
        raise SettingsError(f"--dicom-reference is one series, got {len(options.inputs)} inputs; run them one by one")


def _check_weights(options: argparse.Namespace) -> None:
    weights = options.scale_weights
    if not isinstance(options.scales, tuple) or len(weights) != len(options.scales):
        raise SettingsError(f"--scale-weights {weights} needs --scales with as many scales, got {options.scales}")
    if not all(0 <= weight < float("inf") for weight in weights) or sum(weights) <= 0:
        raise SettingsError(f"--scale-weights must be at least 0 and one of them positive, got {weights}")


def _check_projections(options: argparse.Namespace, localizer: Localizer) -> None:
    """Refuse settings of slices for a model of projections, and the other way round."""
    card = localizer.model.card
    if card.projections and options.view != "auto":
        raise SettingsError(f"--view {options.view} is for slices; model {card.name} looks at two projections")
    if card.projections and options.refine != "none":
        raise SettingsError(f"--refine {options.refine} is for slices; model {card.name} draws borders by uptake")
    if not card.projections and options.uptake_fraction is not None:
        raise SettingsError(f"--uptake-fraction is for models of projections; {card.name} looks at slices")


def _chosen_scales(options: argparse.Namespace, localizer: Localizer) -> tuple[int, ...]:
    chosen = localizer.scales if options.scales == "all" else options.scales or localizer.model.card.scales
    if lacking := set(chosen) - set(localizer.scales):
        raise SettingsError(
            f"scales {sorted(lacking)} asked for, model {localizer.model.card.name} has {localizer.scales}"
        )
    return tuple(sorted(chosen))


def _attempt(
    path: Path, target: Path, localizer: Localizer, options: argparse.Namespace, scales: tuple[int, ...]
) -> str | None:
    """Handle one input; return what went wrong, None if all went well. Whatever it is, the next input gets its turn."""
    try:
        with staged_folder(target, options.overwrite) as staging:
            source = _dicom_source(path, options)
            result = _localize(path, localizer, options, scales)
            write_results(result, staging, exports=options.export, source=source)
            files = FILES | {name: EXPORTS[name].file for name in checked_exports(options.export)}
            written = {title: target / file for title, file in files.items() if (staging / file).exists()}
        print(describe_result(result, written), flush=True)
    except CAMLocalizerError as error:
        print(f"camlocalizer: {error}", file=sys.stderr)
        return str(error)
    except BrokenPipeError:
        raise
    except Exception as error:
        logger.exception("%s: an error that was not foreseen", path.name)
        return f"{type(error).__name__}: {error}"
    return None


def _dicom_source(path: Path, options: argparse.Namespace) -> DicomSource | None:
    """Read the series that DICOM exports refer to, before anything is computed."""
    if not any(EXPORTS[name].dicom for name in checked_exports(options.export)):
        return None
    if options.dicom_reference is not None:
        return read_dicom_source(options.dicom_reference)
    source = read_dicom_source(path, series=options.series)
    if source is None:
        raise InputError(f"{path}: is no DICOM; name the series that it was made from with --dicom-reference")
    return source


def _localize(path: Path, localizer: Localizer, options: argparse.Namespace, scales: tuple[int, ...]) -> CaseResult:
    begin = time.perf_counter()
    volume = read_volume(path, series=options.series)
    read = time.perf_counter()
    with _progress(volume.name) as progress:
        found = localizer.run(volume, view=options.view, scales=scales, progress=progress)
    for note in found.notes:
        logger.debug(note)
    source = source_sha256(path)
    run = {"map": localizer.map, "batch_size": options.batch_size, "precision": localizer.precision}
    timings = {"reading": read - begin, **found.timings_s}
    settings = _label_settings(found, options, scales)
    return make_case(found, settings, path.name, run=run, timings_s=timings, source_sha256=source)


def _label_settings(found: Findings, options: argparse.Namespace, scales: tuple[int, ...]) -> LabelSettings:
    """Return the model's defaults with what the command line says otherwise."""
    given = {
        "threshold": options.threshold,
        "min_volume_ml": options.min_volume_ml,
        "probability_limit": options.probability_limit,
        "uptake_fraction": options.uptake_fraction,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    settings = LabelSettings.of(
        found, scales=scales, keep_largest=options.keep_largest, refinement=options.refine, **changes
    )
    if options.scale_weights is None:
        return settings
    chosen = dict(zip(options.scales, options.scale_weights, strict=True))
    return settings.changed(weights=tuple({**dict(settings.weights), **chosen}.items()))


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
