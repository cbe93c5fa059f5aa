"""run_training: cross-validation, the final network and its bundle, in a folder from which a run resumes."""

from __future__ import annotations

import csv
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..io.writing import output_errors
from ..metrics.classification import ClassificationReport, classification_report
from ..models import ModelBundle, ModelCard, save_model
from ..networks import EncoderDCFPN
from .calibration import fit_temperature
from .fine_tuning.labels import ANY_TUMOUR
from .fine_tuning.stages import FineTuning
from .fit.engine import is_helper_process
from .fitting import FitOptions, FitResult, class_weights, fit_classifier, predict_logits
from .images import ImageSet
from .levels import reference_levels
from .localisation.stages import LocaliserFit
from .preparation import Training, make_objective, next_fold

CROSS_VALIDATION_FILE = "cross-validation.csv"
PREDICTIONS_FILE = "predictions.csv"
FINAL = "final"
Report = Callable[[str], None]


def run_training(training: Training, output: Path, report: Report) -> ModelBundle | None:
    """Train every fold and the final network, measure them and write the bundle.

    What is finished in ``output`` is not done again. ``output`` gets a folder per fold and ``final`` (see
    :func:`~CAMLocalizerLib.training.fitting.fit_classifier`), ``cross-validation.csv`` (a line per fold, mean and
    standard deviation), ``predictions.csv`` (a line per held-out image) and the bundle, named after the model.

    Args:
        training: what :func:`~CAMLocalizerLib.training.preparation.prepare_training` returned.
        output: folder.
        report: takes a line per epoch and per fold.

    Returns:
        The bundle: the final network, or that of the first fold that is held out if there is no final one. None in the
        processes that Lightning starts for further devices.
    """
    measured: dict[int, ClassificationReport] = {}
    before = Before(training)
    best_epochs, predictions, answers = [], [], []
    kept: Trained | None = None
    for fold in training.held_out:
        trained = _fit_fold(training, fold, output, report)
        best_epochs.append(trained.result.best_epoch)
        kept = kept or trained
        held_out = training.images.in_folds([fold])
        probabilities = _probabilities(trained.network, held_out, training.config.training)
        measured[fold] = held_out_report(held_out, probabilities, training.card)
        predictions += _prediction_lines(held_out, probabilities)
        known = slice(None) if held_out.untyped is None else ~held_out.untyped
        answers.append((probabilities[known], held_out.labels[known]))
        report(f"fold {fold}, held out: {_in_words(measured[fold])}")
        before.measure(fold, held_out, report)
        _write_csv(output / PREDICTIONS_FILE, predictions)
        _write_csv(output / CROSS_VALIDATION_FILE, _summary_lines(measured))
    if training.config.folds.final:
        kept = _fit_final(training, best_epochs, output, report)
    assert kept is not None
    if training.config.folds.calibrate and answers:
        temperature = fit_temperature(*map(np.concatenate, zip(*answers, strict=True)))
        training = replace(training, card=replace(training.card, temperature=round(temperature, 3)))
        report(f"temperature from held-out images: {temperature:.3f}")
    return None if is_helper_process() else _save(training, kept, measured, output, before.results())


@dataclass(frozen=True, eq=False)
class Trained:
    """A network, the images it was trained on, what that came to, and the levels of its maps where they were learnt."""

    network: nn.Module
    images: ImageSet
    result: FitResult
    levels: Mapping[int, float] | None = None


class Before:
    """Measures the bundle that a training starts from on the same held-out images, where there is one.

    Args:
        training: with or without a parent.
    """

    def __init__(self, training: Training) -> None:
        self.training, self.parent = training, training.config.parent
        self.measured: dict[int, ClassificationReport] = {}

    def measure(self, fold: int, held_out: ImageSet, report: Report) -> None:
        """Measure the parent on the images of a fold."""
        if self.parent is None:
            return
        probabilities = _probabilities(self.parent.network(), held_out, self.training.config.training)
        self.measured[fold] = held_out_report(held_out, probabilities, self.parent.card)
        seen = self.training.seen_before
        note = f" (too good: it was trained on {seen} of these files)" if seen else ""
        report(f"  before, {self.parent.card.name}: {_in_words(self.measured[fold])}{note}")

    def results(self) -> dict[str, Any]:
        """Return the figures for the new card; empty without a parent."""
        if self.parent is None or not self.measured:
            return {}
        seen = {"files_trained_on": self.training.seen_before} if self.training.seen_before else {}
        return {f"before_{self.parent.card.name}": _figures(self.measured) | seen}


def _fit_fold(training: Training, fold: int, output: Path, report: Report) -> Trained:
    """Train without ``fold``."""
    images, mode = training.images, training.config.folds.validation
    present = np.unique(images.folds).tolist()
    chosen = {"next": [next_fold(fold, present)], "held-out": [fold], "none": []}[mode]
    train, _ = images.split([fold, *chosen])
    validation = images.in_folds(chosen) if chosen else None
    return _fit(training, train, validation, training.config.training, output / f"fold-{fold}", report)


def _fit_final(training: Training, best_epochs: Sequence[int], output: Path, report: Report) -> Trained:
    """Train on all images; where folds stop early, for as many epochs as did best in the middle of the folds."""
    options = replace(training.config.training, patience=None)
    if best_epochs and training.config.training.patience is not None:
        epochs = round(statistics.median(best_epochs))
        if not epochs and training.config.parent is not None:
            report("final: in most folds no epoch was better than the start; the new bundle keeps its weights")
            return Trained(training.network().eval(), training.images, FitResult((), 0, output / FINAL))
        options = replace(options, epochs=max(1, epochs))
    return _fit(training, training.images, None, options, output / FINAL, report)


def _fit(
    training: Training,
    train: ImageSet,
    validation: ImageSet | None,
    options: FitOptions,
    folder: Path,
    report: Report,
) -> Trained:
    if training.config.parent is not None:
        return _fine_tune(training, train, validation, options, folder, report)
    if training.config.localisation.rounds:
        return _fit_localiser(training, train, validation, options, folder, report)
    weights = class_weights(train.labels, len(train.classes)) if options.class_weights else None
    objective = make_objective(training.config, training.card.spacing_mm, weights)
    network = training.network()
    result = fit_classifier(
        network,
        train,
        validation,
        options,
        folder,
        objective=objective,
        report=lambda line: report(f"{folder.name}: {line}"),
    )
    return Trained(network, train, result)


def _fine_tune(
    training: Training,
    train: ImageSet,
    validation: ImageSet | None,
    options: FitOptions,
    folder: Path,
    report: Report,
) -> Trained:
    config = training.config
    tuned = FineTuning(
        training.network(),
        training.card.map_levels,
        train,
        validation,
        tuple(map(train.classes.index, training.card.tumour_classes)),
        options,
        config.localisation,
        config.fine_tuning,
        folder,
        report=lambda line: report(f"{folder.name}: {line}"),
    ).run()
    return Trained(tuned.network, train, tuned.result, tuned.levels)


def _fit_localiser(
    training: Training,
    train: ImageSet,
    validation: ImageSet | None,
    options: FitOptions,
    folder: Path,
    report: Report,
) -> Trained:
    network = training.network()
    assert isinstance(network, EncoderDCFPN)
    fit = LocaliserFit(
        network,
        train,
        validation,
        tuple(map(train.classes.index, training.card.tumour_classes)),
        options,
        training.config.localisation,
        folder,
        report=lambda line: report(f"{folder.name}: {line}"),
    )
    found = fit.run()
    return Trained(found.network, train, found.result, found.levels)


def _probabilities(network: nn.Module, images: ImageSet, options: FitOptions) -> NDArray[np.float32]:
    precision = options.precision if options.accelerator == "cpu" else "32-true"
    logits = predict_logits(network, images.images, precision=precision)
    return torch.from_numpy(logits).softmax(dim=1).numpy()


def held_out_report(images: ImageSet, probabilities: NDArray[np.float32], card: ModelCard) -> ClassificationReport:
    """Compare probabilities with labels; those of tumour against none where the type of a tumour is not known.

    Args:
        images: that were held out.
        probabilities: of the classes, shape (N, classes).
        card: names the tumour classes.
    """
    if images.untyped is None or not images.untyped.any():
        return classification_report(images.labels, probabilities, positive=_positive(card))
    tumours = np.isin(card.classes, card.tumour_classes)
    shown = probabilities[:, tumours].sum(1)
    both = np.stack([1 - shown, shown], axis=1)
    return classification_report(tumours[images.labels].astype(np.int64), both, positive=1)


def _positive(card: ModelCard) -> int | None:
    """The one tumour class of two; None measures class by class."""
    return card.classes.index(card.tumour_classes[0]) if len(card.classes) == 2 else None


def _in_words(measured: ClassificationReport) -> str:
    values = asdict(measured).items()
    return ", ".join(f"{'AUC' if name == 'auc' else name} {value:.3f}" for name, value in values)


def _prediction_lines(images: ImageSet, probabilities: NDArray[np.float32]) -> list[dict[str, Any]]:
    lines = []
    for index, row in enumerate(probabilities):
        line = {
            "image": str(images.names[index]),
            "patient": str(images.patients[index]),
            "fold": int(images.folds[index]),
            "label": _label(images, index),
            "found": images.classes[int(row.argmax())],
        }
        shares = {f"p({name})": f"{value:.6f}" for name, value in zip(images.classes, row, strict=True)}
        lines.append(line | shares)
    return lines


def _label(images: ImageSet, index: int) -> str:
    unknown = images.untyped is not None and bool(images.untyped[index])
    return ANY_TUMOUR if unknown else images.classes[images.labels[index]]


def _summary_lines(measured: Mapping[int, ClassificationReport]) -> list[dict[str, Any]]:
    """A line per fold, then mean and sample standard deviation over the folds in which a measure is defined."""
    lines: list[dict[str, Any]] = [{"fold": fold, **asdict(report)} for fold, report in measured.items()]
    summary = {name: (mean, deviation) for name, mean, deviation in _moments(measured)}
    for row, which in (("mean", 0), ("sd", 1)):
        lines.append({"fold": row} | {name: values[which] for name, values in summary.items()})
    return [{name: _rounded(value) for name, value in line.items()} for line in lines]


def _moments(measured: Mapping[int, ClassificationReport]) -> list[tuple[str, float, float]]:
    found = []
    for name in ClassificationReport.__dataclass_fields__:
        values = [value for report in measured.values() if math.isfinite(value := getattr(report, name))]
        mean = statistics.mean(values) if values else math.nan
        found.append((name, mean, statistics.stdev(values) if len(values) > 1 else math.nan))
    return found


def _rounded(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return f"{value:.6f}" if math.isfinite(value) else ""


def _write_csv(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    if is_helper_process():
        return
    stream = StringIO()
    writer = csv.DictWriter(stream, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    with output_errors(path):
        path.write_text(stream.getvalue(), encoding="utf-8")


def _save(
    training: Training,
    trained: Trained,
    measured: Mapping[int, ClassificationReport],
    output: Path,
    before: Mapping[str, Any],
) -> ModelBundle:
    card = replace(training.card, results=_results(training, measured) | dict(before))
    if card.map_normalisation == "reference" and not (training.config.parent is not None and trained.levels is None):
        levels = trained.levels or reference_levels(
            trained.network, trained.images, card, training.config.training.seed
        )
        card = replace(card, map_levels=dict(levels))
    return save_model(output / card.name, card, trained.network.eval())


def _results(training: Training, measured: Mapping[int, ClassificationReport]) -> dict[str, Any]:
    """Figures of the held-out folds for the description; they are of networks trained without those folds."""
    if not measured:
        return {}
    words = {"folds": list(measured), "validation": training.config.folds.validation}
    return {"cross_validation": _figures(measured), "cross_validation_by_patient": words}


def _figures(measured: Mapping[int, ClassificationReport]) -> dict[str, Any]:
    """Return mean and standard deviation over folds of each measure that is defined."""
    figures: dict[str, Any] = {}
    for name, mean, deviation in _moments(measured):
        both = {"mean": mean, "sd": deviation}
        figures[name] = {which: round(value, 4) for which, value in both.items() if math.isfinite(value)}
    return figures
