"""Tables and findings of the soft activation mapping study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..results import Entry, Reproduction, write_tables
from .baselines import DIAMETER, MAJORITY, SMOOTHNESS, Baseline
from .maps import THRESHOLD, MapScore
from .result import FoldResult
from .rows import DATASETS, OURS, ROWS, SENSITIVITY, SPECIFICITY

TABLE_1 = "Table 1: accuracy in percent, sensitivity and specificity"
WITHOUT_NETWORK = "Beyond the paper: accuracy on D_1C without a network, in percent"
LOCALISATION = "Beyond the paper: how well the maps lie on the nodules, {}"
CENTRE, BRIGHTNESS = "Middle of the crop (no network)", "Brightness (no network)"
PRIMARY, MEASURED_ON = "D_1C", ("D_11C", "D_1C")
MAP_MEASURES: Mapping[str, Callable[[MapScore], float]] = {
    f"IoU above {THRESHOLD:g} of the maximum": lambda score: score.iou,
    "mean-Dice over 256 thresholds": lambda score: score.dice,
    "maximum inside the nodule": lambda score: score.pointing,
    "maps without evidence": lambda score: score.empty,
}
PAPER = (
    "Lei et al., Soft Activation Mapping of Lung Nodules in Low-dose CT Images, 2018: benign against malignant nodules "
    "of LIDC-IDRI, maps of CAM, SAM and HESAM."
)
DATA = (
    "LIDC-IDRI (doi:10.7937/K9/TCIA.2015.LO9QL9SX, CC BY 3.0): central slices of nodules that three or four readers "
    "outlined"
)


@dataclass(frozen=True)
class Evidence:
    """What needs no network.

    Args:
        rules: classifiers by one number each.
        maps: maps by name, over all nodules; empty without masks.
    """

    rules: Sequence[Baseline]
    maps: Mapping[str, MapScore]


def write_report(
    output: Path,
    settings: Mapping[str, Any],
    results: Sequence[FoldResult],
    evidence: Evidence,
    problems: Sequence[str],
    pictures: tuple[tuple[str, str], ...],
) -> None:
    """Write the tables of what has been measured so far.

    Args:
        output: folder of ``table.csv`` and ``table.md``.
        settings: of the run.
        results: of every row, input and fold so far.
        evidence: what needs no network.
        problems: sentences about scans that could not be read.
        pictures: file name and caption.
    """
    reproduction = Reproduction(
        name="sam",
        title="SAM and HESAM: soft activation mapping of lung nodules",
        paper=PAPER,
        data=DATA,
        seed=settings["seed"],
        settings=settings,
        differences=differences(settings, results, problems),
        findings=findings(results, evidence),
        pictures=pictures,
    )
    write_tables(output, reproduction, entries(results, evidence))


def entries(results: Sequence[FoldResult], evidence: Evidence) -> list[Entry]:
    """Return the cells of all tables: every row of the paper, ours where measured."""
    return [*_table_1(results), *_rules(evidence), *_maps(results, evidence)]


def _table_1(results: Sequence[FoldResult]) -> list[Entry]:
    second = next((name for name in MEASURED_ON if any(each.dataset == name for each in results)), PRIMARY)
    cells: list[Entry] = []
    for row in ROWS:
        of_row = [each for each in results if each.row == row.name]
        for dataset, accuracy in row.accuracies.items():
            found = [each for each in of_row if each.dataset == dataset]
            values = [100 * each.figures["accuracy"] for each in found]
            cells.append(_entry(TABLE_1, row.name, dataset, values, accuracy, found))
        found = [each for each in of_row if each.dataset == second]
        for measure, paper in ((SENSITIVITY, row.paper[4]), (SPECIFICITY, row.paper[5]), ("auc", None)):
            title = "AUC" if measure == "auc" else measure
            cells.append(_entry(TABLE_1, row.name, title, [each.figures[measure] for each in found], paper, found))
    return cells


def _rules(evidence: Evidence) -> list[Entry]:
    cells: list[Entry] = []
    for rule in evidence.rules:
        values = [100 * value for value in rule.accuracies.values()]
        cells.append(_entry(WITHOUT_NETWORK, rule.name, "all folds", values, None, ()))
        cells.append(Entry(WITHOUT_NETWORK, rule.name, "fold 1", 100 * rule.accuracies[1]))
    return cells


def _maps(results: Sequence[FoldResult], evidence: Evidence) -> list[Entry]:
    cells: list[Entry] = []
    for dataset in DATASETS:
        found = {
            row.name: scores
            for row in ROWS
            if (
                scores := [
                    each.maps for each in results if (each.row, each.dataset) == (row.name, dataset) and each.maps
                ]
            )
        }
        if found and dataset == PRIMARY:
            found |= {name: [score] for name, score in evidence.maps.items()}
        for name, scores in found.items():
            count = sum(score.count for score in scores)
            for title, value in MAP_MEASURES.items():
                mean, deviation = _mean([value(score) for score in scores])
                cells.append(Entry(LOCALISATION.format(dataset), name, title, mean, deviation, count=count))
    return cells


def _entry(
    table: str,
    row: str,
    measure: str,
    values: Sequence[float],
    paper: float | None,
    found: Sequence[FoldResult],
) -> Entry:
    mean, deviation = _mean(values)
    return Entry(table, row, measure, mean, deviation, paper, count=sum(each.images for each in found) or None)


def _mean(values: Sequence[float]) -> tuple[float | None, float | None]:
    if not values:
        return None, None
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def findings(results: Sequence[FoldResult], evidence: Evidence) -> tuple[str, ...]:
    """Return what the figures measured so far show, computed from them."""
    return (
        *_size_finding(results, evidence),
        *_order_findings(results),
        *_pair_finding(results),
        *_map_findings(results, evidence),
    )


def _size_finding(results: Sequence[FoldResult], evidence: Evidence) -> list[str]:
    rules = {rule.name: rule for rule in evidence.rules}
    first = {each.row: each.figures["accuracy"] for each in results if (each.dataset, each.fold) == (PRIMARY, 1)}
    if not first:
        return []
    best = max(first, key=lambda row: first[row])
    told = "; ".join(f"{name.lower()} {rule.accuracies[1]:.1%}" for name, rule in rules.items())
    ahead = ""
    if DIAMETER in rules:
        more = sum(value > rules[DIAMETER].accuracies[1] for value in first.values())
        ahead = f" {more} of {len(first)} networks classify more nodules rightly than the diameter alone."
    if SMOOTHNESS in rules and rules[SMOOTHNESS].accuracies[1] > rules[MAJORITY].accuracies[1]:
        ahead += (
            " Scaling crops by the diameter does not hide the size: enlarged small nodules are smooth, and that alone "
            f"gives {100 * (first[best] - rules[SMOOTHNESS].accuracies[1]):.1f} points less than the best network."
        )
    images = next(each.images for each in results if (each.dataset, each.fold) == (PRIMARY, 1))
    error = 100 * np.sqrt(first[best] * (1 - first[best]) / images)
    return [
        f"On fold 1 of D_1C ({images} nodules; a standard error is about {error:.1f} points) the best row is {best} "
        f"with {first[best]:.1%}. Without a network: {told}.{ahead}"
    ]


def _order_findings(results: Sequence[FoldResult]) -> list[str]:
    """Compare the three heads of the paper's network on the folds that all of them have."""
    told = []
    for dataset in DATASETS:
        of_head = {
            row: {each.fold: each.figures["accuracy"] for each in results if (each.row, each.dataset) == (row, dataset)}
            for row in OURS
        }
        folds = sorted(set.intersection(*(set(values) for values in of_head.values())))
        if not folds:
            continue
        means = {row: 100 * float(np.mean([values[fold] for fold in folds])) for row, values in of_head.items()}
        papers = {row.name: row.accuracies[dataset] for row in ROWS}
        ours = sorted(OURS, key=lambda row: means[row])
        found_again = len(set(means.values())) == len(OURS) and ours == sorted(OURS, key=lambda row: papers[row])
        same = "the paper's order" if found_again else "not the paper's order"
        figures = ", ".join(f"{row} {means[row]:.1f} (paper {papers[row]:.1f})" for row in OURS)
        told.append(f"{dataset}, {len(folds)} fold(s): {figures}: {same}.")
    return told


def _pair_finding(results: Sequence[FoldResult]) -> list[str]:
    """Compare SAM with CAM under the same body, where both were measured on the same input and fold."""
    figures = {(each.row, each.dataset, each.fold): 100 * each.figures["accuracy"] for each in results}
    gains = [
        value - figures[key]
        for (row, dataset, fold), value in figures.items()
        if row.endswith("-SAM") and (key := (row.replace("-SAM", "-CAM"), dataset, fold)) in figures
    ]
    if not gains:
        return []
    papers = {row.name: row.accuracies for row in ROWS}
    theirs = np.mean(
        [
            papers[name][key] - papers[name.replace("-SAM", "-CAM")][key]
            for name in papers
            if name.endswith("-SAM")
            for key in ("D_1C", "D_3C")
        ]
    )
    better = sum(gain > 0 for gain in gains)
    return [
        f"Under the same body SAM changes CAM's accuracy by {np.mean(gains):+.1f} points on average and is ahead in "
        f"{better} of {len(gains)} pairs (paper, D_1C and D_3C: {theirs:+.1f} points)."
    ]


def _map_findings(results: Sequence[FoldResult], evidence: Evidence) -> list[str]:
    scores = {
        row.name: [each.maps for each in results if (each.row, each.dataset) == (row.name, PRIMARY) and each.maps]
        for row in ROWS
    }
    dice = {row: float(np.mean([score.dice for score in found])) for row, found in scores.items() if found}
    if not dice or not evidence.maps:
        return []
    told = []
    if all(row in dice for row in OURS):
        figures = ", ".join(f"{row} {dice[row]:.3f}" for row in OURS)
        told.append(
            f"Mean-Dice of the maps of the paper's network with the outlines: {figures}. The paper calls SAM and HESAM "
            "finer than CAM from pictures and measures no overlap."
        )
    best = max(dice, key=lambda row: dice[row])
    free = "; ".join(f"{name} {score.dice:.3f}" for name, score in evidence.maps.items())
    told.append(f"The best map by mean-Dice is that of {best} ({dice[best]:.3f}); without a network: {free}.")
    return told


def differences(settings: Mapping[str, Any], results: Sequence[FoldResult], problems: Sequence[str]) -> tuple[str, ...]:
    """Return what differs from the paper in data, training and counting."""
    sets = sorted({each.dataset for each in results}, key=list(DATASETS).index)
    sliced = any(DATASETS[name] > 3 for name in sets)
    every, first = settings["folds"], results[0]
    own = len({result.fold for result in results if result.dataset == PRIMARY})
    told = [
        "Nodules: the prepared patches have one slice per nodule, labelled by the median rating (paper: the mean); "
        f"{first.trained + first.images} nodules in all (paper: 1145), more malignant than benign ones (paper: 510 and "
        "635); each slice is scaled to 0..255 by itself, so Hounsfield units are lost.",
        "D_11C and D_21C: measured from the original LIDC-IDRI."
        if sliced
        else "D_11C and D_21C are empty: neighbouring slices need the original LIDC-IDRI; where its folder LIDC-IDRI "
        "lies beside the patches they are read and measured.",
        "Sensitivity and specificity: the paper's are of D_11C, ours of "
        + ("D_11C." if "D_11C" in sets else "D_1C, with the AUC added."),
        "Crops: squares of two diameters as in the paper, but moved off the centre by up to half a diameter in each "
        "direction by chance, in training and in evaluation; centred crops would let a map of the middle win.",
        f"Folds: {every}, by patient, which the paper does not say. The paper's network is measured on {own} held-out "
        f"fold(s) of D_1C, every other cell on fold 1 alone ({first.images} held-out nodules).",
        f"Training: batch {settings['batch_size']}, rate {settings['learning_rate']:g} and weight decay "
        f"{settings['weight_decay']:g} as in the paper, but AdamW with a cosine over {settings['epochs']} epochs for "
        "plain SGD, whose number of epochs the paper does not give: so few steps of SGD at this rate change nothing. "
        "VGG-16 has no batch normalisation and takes a lower rate. No augmentation, as in the paper; the last epoch's "
        "weights, so that nothing is chosen on the held-out fold.",
        "Maps of 16 x 16: the strides that the caption of Table 1 names leave 8 x 8 at 32 x 32 pixels, so the maximum "
        "pooling after the first convolution of ResNet and DenseNet is left out too; see `networks/small_input.py`.",
        "HESAM: d_k depends on the class by a learnt weight that starts at 0; see `networks/sam.py`.",
        "PN_SAMP is a network of another paper (Wu et al., 2018) that learns from segmentations and attributes; it is "
        "listed with the paper's figures only.",
        "Localisation: ours alone. Maps explain the class that the network gives, and are compared with what at least "
        "two readers outlined; one target, one threshold, nothing fitted.",
    ]
    if problems:
        told.append(f"Scans that could not be read ({len(problems)}): {'; '.join(problems[:10])}.")
    return tuple(told)
