"""Outcomes of real patients: public tables of radiomics, their studies and the lines of their tables."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from CAMLocalizerLib.metrics import bootstrap_interval
from CAMLocalizerLib.outcome import (
    OutcomeSettings,
    SurvivalData,
    SurvivalSettings,
    predict_outcome,
    read_outcome_data,
    read_survival_data,
)
from CAMLocalizerLib.outcome.comparison import OutcomeComparison, compare_outcome
from CAMLocalizerLib.outcome.study import OutcomeResult
from CAMLocalizerLib.outcome.survival import SurvivalResult
from CAMLocalizerLib.outcome.survival_measures import aucs_at, c_index_of, log_rank_p, one_image_each
from CAMLocalizerLib.outcome.survival_study import SurvivalStudy, study_survival

SURVIVAL_TABLE = "carvalho2018_nsclc_fdgpet.csv"
SURVIVAL_VOLUME = "Volume"
HORIZONS_YEARS = (2.0, 3.0)
SEGMENT = "tumour"
VOLUMES = {  # feature that holds the volume in each table; None where none does
    "HNSCC": "GTV_original_shape_MeshVolume",
    "Head-Neck-PET-CT": "CT_original_shape_MeshVolume",
    "Head-Neck-Radiomics-HN1": "GTV-1_original_shape_MeshVolume",
    "ISPY1": "T1_E_Volumetric_Volume",
    "LNDb": "1_original_shape_MeshVolume",
    "Lu2019": None,
    "NSCLC-Radiogenomics": "CT_original_shape_MeshVolume",
    "QIN-HEADNECK": "manual_original_shape_MeshVolume",
    "Ramella2018": None,
}
Limits = tuple[float, float, float]


@dataclass(frozen=True)
class BinaryRow:
    """What was found in a table of yes-or-no outcomes."""

    name: str
    predicts: str
    cases: int
    with_outcome: int
    features: int
    logistic: Limits
    forest: Limits
    volume: Limits | None
    gain: Limits | None
    shuffled: float


def survival_tables(data: Path, work: Path) -> tuple[Path, Path]:
    """Write the patients of Carvalho et al. as tables of features and of times, and return these."""
    with (data / SURVIVAL_TABLE).open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    names = [f"patient-{number:03d}" for number in range(1, len(rows) + 1)]
    known = [{"time": row.pop("Survival"), "event": row.pop("Status")} for row in rows]
    return _write(work / "carvalho", names, rows, known)


def binary_tables(data: Path, name: str, work: Path) -> tuple[Path, Path]:
    """Write a table of radMLBench as tables of features and of outcomes, and return these."""
    with gzip.open(data / f"{name}.csv.gz", "rt", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    patients = [row.pop("ID") for row in rows]
    names = [f"{number}-{patient}" for number, patient in enumerate(patients, start=1)]
    known = [{"outcome": row.pop("Target"), "patient": patient} for row, patient in zip(rows, patients, strict=True)]
    return _write(work / name, names, rows, known)


def predicted_by(data: Path) -> dict[str, str]:
    """Return what each table of radMLBench predicts, and of whom."""
    import yaml

    described = yaml.safe_load((data / "datasets.yaml").read_text(encoding="utf-8"))
    return {name: f"{described[name]['outcome']}, {described[name]['pathology']}" for name in VOLUMES}


def binary_row(data: Path, name: str, predicts: str, work: Path, shuffles: int) -> BinaryRow:
    """Study a table of yes-or-no outcomes by both classifiers and by volume alone."""
    found = read_outcome_data(*binary_tables(data, name, work))
    plain = OutcomeSettings()
    result = predict_outcome(found, plain)
    beside = compare_outcome(found, result, plain, volume_name=VOLUMES[name], shuffles=shuffles)
    forest = predict_outcome(found, OutcomeSettings(classifier="forest"))
    return BinaryRow(
        name=name,
        predicts=predicts,
        cases=len(found.cases),
        with_outcome=int(found.outcomes.sum()),
        features=len(found.names),
        logistic=_auc(result),
        forest=_auc(forest),
        volume=_auc(beside.volume) if beside.volume else None,
        gain=beside.auc_gain,
        shuffled=_shuffled(beside),
    )


def survival_studies(data: Path, work: Path, shuffles: Mapping[str, int]) -> dict[str, SurvivalStudy]:
    """Study the patients of Carvalho et al. by each model."""
    found = read_survival_data(*survival_tables(data, work), time_unit="years")
    return {
        model: study_survival(
            found, SurvivalSettings(model=model), volume_name=SURVIVAL_VOLUME, shuffles=count, report=print
        )
        for model, count in shuffles.items()
    }


def survival_lines(studies: Mapping[str, SurvivalStudy]) -> list[str]:
    """Return the table of the models of times, volume alone and the volume itself."""
    cox = studies["cox"]
    assert cox.volume
    column = cox.data.names.index(SURVIVAL_VOLUME)
    lines = [
        "| model | C-index | AUC at 2 years | AUC at 3 years | calibration slope at 2 years | observed / predicted risk"
        " at 2 years | log-rank p | C-index, shuffled outcomes |",
        "|---|---|---|---|---|---|---|---|",
        _survival_line("Cox, elastic net", cox, cox.result),
        _survival_line("random survival forest", studies["forest"], studies["forest"].result),
        _survival_line("volume alone, Cox", cox, cox.volume, shuffled=False),
    ]
    c_index, *areas = _without_fit(cox.data, cox.data.features[:, column])
    return [*lines, f"| volume itself, nothing fitted | {c_index} | {areas[0]} | {areas[1]} | | | | |"]


def binary_lines(rows: Iterable[BinaryRow]) -> list[str]:
    """Return the table of yes-or-no outcomes."""
    lines = [
        "| table | predicts | cases (with outcome) | features | AUC, logistic | AUC, forest | AUC, volume alone |"
        " logistic - volume | AUC, shuffled outcomes |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = (row.name, row.predicts, f"{row.cases} ({row.with_outcome})", row.features)
        figures = (_text(row.logistic), _text(row.forest), _text(row.volume), _text(row.gain, "+.2f"))
        lines.append(f"| {' | '.join(map(str, (*cells, *figures, f'{row.shuffled:.2f}')))} |")
    return lines


def summary(rows: Sequence[BinaryRow]) -> str:
    """Return in how many tables features beat chance and volume, and the result of shuffled outcomes."""
    compared = [row.gain for row in rows if row.gain]
    above = sum(row.logistic[1] > 0.5 for row in rows)
    shuffled = sum(row.shuffled for row in rows) / len(rows)
    more, less = sum(gain[1] > 0 for gain in compared), sum(gain[2] < 0 for gain in compared)
    return (
        f"The interval of the logistic regression's AUC lies above 0.5 in {above} of {len(rows)} tables. Of the "
        f"{len(compared)} with a volume,\nthe features are shown to tell more than volume alone in {more}, and less in "
        f"{less}.\n\n"
        f"Studies of shuffled outcomes give a mean AUC of {shuffled:.2f} over all tables. Cases that are held out are "
        "missing from\nthose they are predicted from, which pulls the AUC somewhat below 0.5 where features tell "
        "nothing. The same holds\nfor volume: where its AUC lies below 0.5, it tells nothing, and the difference "
        "from it means little."
    )


def draw_binary(rows: Sequence[BinaryRow], path: Path) -> None:
    """Draw the AUC of logistic regression and of volume alone with their intervals."""
    figure = Figure(figsize=(6.4, 4.8), dpi=130, layout="constrained")
    axes = figure.add_subplot()
    places = range(len(rows))
    for shift, colour, label, values in (
        (-0.12, "#08519c", "all features, logistic regression", [row.logistic for row in rows]),
        (0.12, "#636363", "volume alone", [row.volume for row in rows]),
    ):
        there = [(place + shift, value) for place, value in zip(places, values, strict=True) if value]
        heights, found = [height for height, _ in there], [value for _, value in there]
        reach = [[value[0] - value[1] for value in found], [value[2] - value[0] for value in found]]
        axes.errorbar(
            [value[0] for value in found], heights, xerr=reach, fmt="o", ms=4, lw=1.2, color=colour, label=label
        )
    axes.axvline(0.5, color="0.6", linewidth=1)
    axes.set(xlim=(0, 1), xlabel="AUC with 95 % interval")
    axes.set_yticks(list(places), [row.name for row in rows])
    axes.invert_yaxis()
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    figure.savefig(path)


def _write(
    folder: Path, names: Sequence[str], rows: Sequence[Mapping[str, str]], known: Sequence[Mapping[str, str]]
) -> tuple[Path, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "features.csv", folder / "outcomes.csv"
    fixed: Mapping[str, str]
    for path, lines, fixed in ((paths[0], rows, {"Segment": SEGMENT}), (paths[1], known, {})):
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, ["Image", *fixed, *lines[0]])
            writer.writeheader()
            writer.writerows({"Image": name, **fixed, **line} for name, line in zip(names, lines, strict=True))
    return paths


def _survival_line(title: str, study: SurvivalStudy, result: SurvivalResult, *, shuffled: bool = True) -> str:
    observed, found = study.data.observed, result.predictions
    later = _with_interval(study.data, found.risks)[2]
    p_value = log_rank_p(observed, found.high_risk, one_image_each(study.data.patients))
    chance = f"{study.shuffled.mean:.2f} ({len(study.shuffled.values)} times)" if shuffled and study.shuffled else ""
    names = ("c_index", "auc", "calibration_slope", "observed_over_predicted")
    c_index, area, slope, ratio = (_text((result.measures[name], *result.intervals[name])) for name in names)
    return f"| {title} | {c_index} | {area} | {_text(later)} | {slope} | {ratio} | {p_value:.2g} | {chance} |"


def _without_fit(data: SurvivalData, values: np.ndarray) -> list[str]:
    return [_text(limits) for limits in _with_interval(data, values)]


def _with_interval(data: SurvivalData, risks: np.ndarray) -> list[Limits]:
    """Return C-index and AUC at both horizons, with intervals."""
    c_index = c_index_of(data.observed, risks)

    def measure(drawn: np.ndarray) -> list[float]:
        return [c_index(drawn), *aucs_at(data.observed.of(drawn), risks[drawn], np.array(HORIZONS_YEARS))]

    limits = bootstrap_interval(data.patients, measure)
    values = measure(np.arange(len(risks)))
    return [(value, float(low), float(high)) for value, low, high in zip(values, *limits, strict=True)]


def _auc(result: OutcomeResult) -> Limits:
    return (result.measures["auc"], *result.intervals["auc"])


def _shuffled(beside: OutcomeComparison) -> float:
    return beside.shuffled.mean if beside.shuffled else float("nan")


def _text(limits: Any, form: str = ".2f") -> str:
    return f"{limits[0]:{form}} ({limits[1]:{form}} to {limits[2]:{form}})" if limits else ""
