"""The study's tables with our figures beside the paper's, and what they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.metrics import classification_report, fraction_below

from ..results import Entry
from . import paper as paper
from .paper import CLASSES, CLASSIFIERS, MASK, RULES, SEGMENTERS
from .plan import ENCODER
from .record import Measured, over_folds

RULE = RULES[0]
TABLE2 = "Table 2. Classification"
TABLE3 = "Table 3. mIoU by threshold"
TABLE4 = "Table 4. mIoU by class, threshold 200/255"
TABLE5 = "Table 5. Share of images with an IoU of at most 0.01, threshold 200/255"
AGAINST = f"Every row against the paper's best map ({paper.BEST}), at 200/255 or by its own mask"
OTHER3 = "Beyond the paper: mIoU of other maps by threshold"
OTHER4 = "Beyond the paper: mIoU of other maps by class, threshold 200/255"
OTHER5 = "Beyond the paper: share of images with an IoU of at most 0.01, threshold 200/255"
CLASSIFICATION_FIELDS = ("accuracy", "precision", "recall", "f1")


@dataclass(frozen=True)
class Cell:
    """A figure over folds.

    Args:
        mean: nan if there is none.
        deviation: None for fewer than two folds.
        count: images behind it.
    """

    mean: float
    deviation: float | None
    count: int


Rows = Mapping[str, Sequence[Measured]]


def mean_overlap(folds: Sequence[Measured], row: str, rule: str, label: int | None = None) -> Cell:
    """Average a row's IoU as the study does: over the images that count, then over the folds."""
    values = [each.overlaps(row, rule, label) for each in folds]
    return Cell(*over_folds(values), sum(len(each) for each in values))


def rule_of(folds: Sequence[Measured], row: str) -> str:
    """Return the rule of the tables by class: 200/255, or a network's own mask."""
    return MASK if MASK in folds[0].ious[row] else RULE


def entries(rows: Rows) -> list[Entry]:
    """Fill the tables with the rows that are there."""
    found = [*_classification(rows)]
    in_the_papers = (*CLASSIFIERS, *SEGMENTERS, ENCODER)
    others = [row for row in rows if row not in in_the_papers]
    for rule_table, class_table, missed_table, names in (
        (TABLE3, TABLE4, TABLE5, in_the_papers),
        (OTHER3, OTHER4, OTHER5, others),
    ):
        present = [row for row in names if row in rows]
        for row in present:
            found += _by_rule(rule_table, rows[row], row)
        for row in present:
            found += _by_class(class_table, rows[row], row)
        for row in present:
            found += _missed(missed_table, rows[row], row)
    return [*found, *_against(rows)]


def _against(rows: Rows) -> Iterator[Entry]:
    cells = {row: mean_overlap(folds, row, rule_of(folds, row)) for row, folds in rows.items()}
    for row, cell in sorted(cells.items(), key=lambda pair: -np.nan_to_num(pair[1].mean)):
        yield Entry(AGAINST, row, "mIoU", cell.mean, cell.deviation, None, None, cell.count)
        yield Entry(AGAINST, row, f"above {paper.BEST} by", cell.mean - paper.BEST, None, None, None, cell.count)


def _classification(rows: Rows) -> Iterator[Entry]:
    of_network = {each.title: folds for folds in rows.values() for each in folds if each.logits is not None}
    for title in (*CLASSIFIERS, *(name for name in of_network if name not in CLASSIFIERS)):
        reports = [_report(each) for each in of_network.get(title, ())]
        if not reports:
            continue
        printed = paper.CLASSIFICATION.get(title, ((None, None),) * len(CLASSIFICATION_FIELDS))
        count = sum(len(each.labels) for each in of_network[title])
        named = zip(paper.CLASSIFICATION_MEASURES, CLASSIFICATION_FIELDS, printed, strict=True)
        for measure, name, (figure, deviation) in named:
            mean, spread = over_folds([np.array([report[name]]) for report in reports])
            yield Entry(TABLE2, title, measure, mean, spread, figure, deviation, count)


def _report(measured: Measured) -> dict[str, float]:
    assert measured.logits is not None
    return vars(classification_report(measured.labels, measured.logits))


def _by_rule(table: str, folds: Sequence[Measured], row: str) -> Iterator[Entry]:
    printed = dict(zip(RULES, paper.BY_RULE.get(row, ()), strict=False))
    if row in SEGMENTERS:
        printed[MASK] = paper.BY_CLASS[row][0]
    for rule in folds[0].ious[row]:
        cell = mean_overlap(folds, row, rule)
        figure, deviation = printed.get(rule, (None, None))
        yield Entry(table, row, rule, cell.mean, cell.deviation, figure, deviation, cell.count)


def _by_class(table: str, folds: Sequence[Measured], row: str) -> Iterator[Entry]:
    printed = paper.BY_CLASS.get(row, ((None, None),) * (1 + len(CLASSES)))
    labels = (None, *range(len(CLASSES)))
    for name, label, (figure, deviation) in zip(("all classes", *CLASSES), labels, printed, strict=True):
        cell = mean_overlap(folds, row, rule_of(folds, row), label)
        yield Entry(table, row, name, cell.mean, cell.deviation, figure, deviation, cell.count)


def _missed(table: str, folds: Sequence[Measured], row: str) -> Iterator[Entry]:
    printed = paper.MISSED.get(row, (None,) * len(CLASSES))
    for label, (name, figure) in enumerate(zip(CLASSES, printed, strict=True)):
        pooled = pooled_overlaps(folds, row, label)
        yield Entry(table, row, name, fraction_below(pooled), None, figure, None, len(pooled))


def pooled_overlaps(folds: Sequence[Measured], row: str, label: int) -> NDArray[np.float64]:
    """IoU of the images of a class that count, all folds together."""
    return np.concatenate([each.overlaps(row, rule_of(folds, row), label) for each in folds])


def findings(rows: Rows) -> tuple[str, ...]:
    """Return what the figures show, in sentences made from them."""
    maps = {row: mean_overlap(folds, row, RULE).mean for row, folds in rows.items() if RULE in folds[0].ious[row]}
    maps = {row: value for row, value in maps.items() if np.isfinite(value)}
    return (
        *_against_best(maps),
        *_own_masks(rows),
        *_best_rules(rows),
        *_modified(maps),
        *_pretrained(rows, maps),
        *_order(rows),
    )


def _against_best(maps: Mapping[str, float]) -> Iterator[str]:
    above = sorted((row for row in maps if maps[row] > paper.BEST), key=lambda row: -maps[row])
    named = [f"{row} {maps[row]:.3f} ({maps[row] - paper.BEST:+.3f})" for row in above]
    yield f"Maps above the paper's best mIoU of {paper.BEST} at {RULE}: {', '.join(named) or 'none'}."
    if below := [f"{row} {maps[row]:.3f} ({maps[row] - paper.BEST:+.3f})" for row in maps if row not in above]:
        yield f"Maps not above it: {', '.join(below)}."


def _own_masks(rows: Rows) -> Iterator[str]:
    for row, folds in rows.items():
        if MASK in folds[0].ious[row]:
            value = mean_overlap(folds, row, MASK).mean
            learnt = "learnt from masks" if row in SEGMENTERS else "with its own threshold, every slice counted"
            yield f"{row}, {learnt}: mIoU {value:.3f} ({value - paper.BEST:+.3f})."


def _best_rules(rows: Rows) -> Iterator[str]:
    best = []
    for row, folds in rows.items():
        values = {rule: mean_overlap(folds, row, rule).mean for rule in folds[0].ious[row] if rule != MASK}
        if values and np.isfinite(list(values.values())).any():
            rule = max(values, key=lambda name: np.nan_to_num(values[name]))
            best.append(f"{row} {rule} ({values[rule]:.3f})")
    if best:
        yield f"Best of the five thresholds (the paper's is {RULE} for all networks but AlexNet): {', '.join(best)}."


def _modified(maps: Mapping[str, float]) -> Iterator[str]:
    pairs = [(plain, modified) for plain, modified in paper.PAIRS if plain in maps and modified in maps]
    gains = [
        f"{modified} {maps[modified] - maps[plain]:+.3f} "
        f"(paper {paper.BY_RULE[modified][0][0] - paper.BY_RULE[plain][0][0]:+.3f})"
        for plain, modified in pairs
    ]
    if gains:
        yield f"Gain of the modified networks over the standard ones at {RULE}: {', '.join(gains)}."


def _pretrained(rows: Rows, maps: Mapping[str, float]) -> Iterator[str]:
    """Compare the encoder with ImageNet weights with the best of the paper's networks, which start at random."""
    others = [name for name in CLASSIFIERS if name in maps]
    if ENCODER not in maps or not others:
        return
    best = max(others, key=lambda name: maps[name])
    accuracies = {name: np.mean([_report(each)["accuracy"] for each in rows[name]]) for name in (ENCODER, *others)}
    surest = max(others, key=lambda name: accuracies[name])
    yield (
        f"EfficientNet-Lite0 with ImageNet weights: accuracy {accuracies[ENCODER]:.3f} (best of the paper's networks, "
        f"from random weights: {surest} {accuracies[surest]:.3f}), mIoU at {RULE} {maps[ENCODER]:.3f} ({best} "
        f"{maps[best]:.3f})."
    )


def _order(rows: Rows) -> Iterator[str]:
    ordered = []
    for row in (name for name in CLASSIFIERS if name in rows):
        values = [mean_overlap(rows[row], row, RULE, label).mean for label in range(len(CLASSES))]
        if np.isfinite(values).all():
            ranks = sorted(range(len(CLASSES)), key=lambda label: -values[label])
            ordered.append(f"{row} {' > '.join(CLASSES[label].lower() for label in ranks)}")
    if ordered:
        yield f"Order of the classes at {RULE} (paper: meningioma > glioma > pituitary): {'; '.join(ordered)}."
