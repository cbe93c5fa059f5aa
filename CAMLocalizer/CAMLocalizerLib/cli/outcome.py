"""The command ``outcome``."""

from __future__ import annotations

import argparse

from ..core import OutputError
from ..io import source_sha256


def run(options: argparse.Namespace) -> int:
    """Predict outcomes from radiomics and write what came of it.

    Returns:
        0.

    Raises:
        CAMLocalizerError: tables that cannot be used, settings out of range, or a folder that cannot be written.
    """
    from ..training.outcome import OutcomeSettings, predict_outcome, read_outcome_data
    from ..training.outcome.files import FILES, sentence, write_outcome

    if options.output.exists() and not options.overwrite:
        raise OutputError(f"{options.output}: exists already; choose another output folder or allow --overwrite")
    settings = OutcomeSettings(classifier=options.classifier, folds=options.folds, seed=options.seed)
    data = read_outcome_data(options.features, options.outcomes, segment=options.segment)
    for note in data.notes:
        print(f"note: {note}")
    result = predict_outcome(data, settings, report=print)
    sources = {
        "features_file": options.features.name,
        "features_sha256": source_sha256(options.features),
        "outcomes_file": options.outcomes.name,
        "outcomes_sha256": source_sha256(options.outcomes),
    }
    write_outcome(data, result, options.output, sources=sources, overwrite=options.overwrite)
    print(f"{len(data.cases)} cases of {len(set(data.patients))} patients: {sentence(result)}")
    for name in FILES:
        print(f"  {options.output / name}")
    return 0
