"""The command ``outcome``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from .loading import loading

EXAMPLE = """examples:
  camlocalizer outcome features.csv outcomes.csv --output response
  camlocalizer outcome features.csv survival.csv --time-unit months --horizon 2 --output survival
"""


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "outcome",
        help="predict an outcome or a survival time from radiomics",
        description="Predict from radiomics a yes-or-no outcome of patients, such as response to treatment, or the "
        "time to an event, such as death. Every case is predicted by a model that never saw its patient (nested "
        "cross-validation, features chosen inside the folds), beside a model of the tumour's volume alone. Writes "
        "outcome.csv, outcome.json and pictures: roc.png, or kaplan-meier.png, calibration.png and auc.png.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    put = parser.add_argument
    put("features", type=Path, metavar="FEATURES.csv", help="table of 'camlocalizer radiomics', a row per image")
    put(
        "outcomes",
        type=Path,
        metavar="OUTCOMES.csv",
        help="columns Image and outcome (0 or 1), or Image, time and event (1 observed, 0 censored); perhaps patient",
    )
    put("--output", required=True, type=Path, metavar="DIR", help="where the results are written")
    put("--overwrite", action="store_true", help="replace earlier results")
    put("--segment", metavar="NAME", help="segment to take, where an image has several")
    put(
        "--model",
        "--classifier",
        choices=("logistic", "cox", "forest"),
        help="logistic or forest for outcomes (default: logistic), cox or forest for times (default: cox)",
    )
    put("--time-unit", choices=("days", "months", "years"), help="of the column time; needed with it")
    put("--horizon", type=float, metavar="YEARS", help="of AUC and calibration, with times (default: 2)")
    put("--volume", metavar="FEATURE", help="column with the volume (default: the shape feature of radiomics)")
    put("--shuffled", type=int, default=0, metavar="N", help="also N studies of shuffled outcomes, 0.5 if all is well")
    put("--folds", type=int, default=5, metavar="N", help="outer folds by patient (default: %(default)s)")
    put("--seed", type=int, default=0, metavar="N", help="of folds, model and intervals (default: %(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Predict outcomes or times from radiomics and write what came of it.

    Returns:
        0.

    Raises:
        CAMLocalizerError: tables that cannot be used, settings out of range, or a folder that cannot be written.
    """
    with loading(options):
        from ..core import OutputError, SettingsError
        from ..outcome import has_times

    if options.output.exists() and not options.overwrite:
        raise OutputError(f"{options.output}: already exists; choose another output folder or allow --overwrite")
    if options.shuffled < 0:
        raise SettingsError(f"--shuffled must be at least 0, got {options.shuffled}")
    written = _run_times(options) if has_times(options.outcomes) else _run_outcomes(options)
    for name in written:
        print(f"  {options.output / name}")
    return 0


def _run_outcomes(options: argparse.Namespace) -> Sequence[str]:
    from ..core import SettingsError
    from ..outcome import OutcomeSettings, predict_outcome, read_outcome_data
    from ..outcome.comparison import compare_outcome
    from ..outcome.files import FILES, sentence, write_outcome

    if options.time_unit or options.horizon:
        raise SettingsError(
            f"{options.outcomes}: --time-unit and --horizon are for tables with the columns time and event, but this "
            "one has outcome; leave them out"
        )
    settings = OutcomeSettings(classifier=options.model or "logistic", folds=options.folds, seed=options.seed)
    data = read_outcome_data(options.features, options.outcomes, segment=options.segment)
    volume = _volume(options, data.names, data.notes)
    result = predict_outcome(data, settings, report=print)
    beside = compare_outcome(data, result, settings, volume_name=volume, shuffles=options.shuffled)
    write_outcome(
        data, result, options.output, sources=_sources(options), comparison=beside, overwrite=options.overwrite
    )
    print(f"{len(data.cases)} cases of {len(set(data.patients))} patients: {sentence(result)}")
    if beside.volume:
        print(f"volume alone ({volume}): {sentence(beside.volume)}")
    if beside.shuffled:
        print(beside.shuffled.sentence("AUC"))
    return FILES


def _run_times(options: argparse.Namespace) -> Sequence[str]:
    from ..outcome import SurvivalSettings, read_survival_data
    from ..outcome.survival_files import FILES, write_survival
    from ..outcome.survival_study import sentences, study_survival

    settings = SurvivalSettings(
        model=options.model or "cox",
        horizon_years=SurvivalSettings.horizon_years if options.horizon is None else options.horizon,
        folds=options.folds,
        seed=options.seed,
    )
    data = read_survival_data(options.features, options.outcomes, time_unit=options.time_unit, segment=options.segment)
    volume = _volume(options, data.names, data.notes)
    study = study_survival(data, settings, volume_name=volume, shuffles=options.shuffled, report=print)
    write_survival(study, options.output, sources=_sources(options), overwrite=options.overwrite)
    print(f"{len(data.cases)} cases of {len(set(data.patients))} patients, {int(data.observed.events.sum())} events")
    for line in sentences(study):
        print(line)
    return FILES


def _volume(options: argparse.Namespace, names: Sequence[str], notes: Sequence[str]) -> str | None:
    """Return the feature that holds the volume, and print the notes with what is to be said of it."""
    from ..core import InputError
    from ..outcome import volume_feature

    try:
        found = volume_feature(names, options.volume)
    except InputError as error:
        raise InputError(f"{options.features}: {error}") from None
    for note in notes:
        print(f"note: {note}")
    if found is None:
        print(f"note: {options.features.name} has no known feature of volume; name one with --volume")
    return found


def _sources(options: argparse.Namespace) -> dict[str, str]:
    from ..io import source_sha256

    return {
        "features_file": options.features.name,
        "features_sha256": source_sha256(options.features),
        "outcomes_file": options.outcomes.name,
        "outcomes_sha256": source_sha256(options.outcomes),
    }
