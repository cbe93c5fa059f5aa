"""Tables I and II of the classifiers as segmenters, with our figures beside the paper's, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from CAMLocalizerLib.evaluation.filters import CAM, INVERSE, MASK, ORIGINAL, FilterResult, map_overlap
from CAMLocalizerLib.evaluation.roi_set import RoiSet

from ..results import Entry
from .plan import DICE, ENCODER, MEASURES, NETWORKS, PUBLISHED, Settings, published
from .study import TUMOUR, Measured

TABLE1 = "Table I. Classification, and maps as segmentation"
TABLE2 = "Table II. Best validation accuracy after retraining on filtered regions"
TABLE3 = "Beyond the paper: accuracy of the last epoch, which no validation image picked"
TABLE4 = "Beyond the paper: mean-Dice of maps that look at no image"
HELD_OUT = "Dice, held-out regions"
EMPTY = "share of empty maps"
INVERSE_ALONE = "Of the paper's networks the inverse mask is measured with InceptionV3 alone, as there."

Rows = Mapping[str, Sequence[Measured]]


def rows_of(measured: Sequence[Measured]) -> dict[str, list[Measured]]:
    """Sort by network, in the paper's order, what it does not have last; each has its folds."""
    return {
        name: [each for each in measured if each.network == name]
        for name in NETWORKS
        if any(each.network == name for each in measured)
    }


def entries(rows: Rows, rois: RoiSet) -> list[Entry]:
    """Fill the tables with what has been measured."""
    return [*_table1(rows), *_table2(rows), *_table3(rows), *_table4(rois)]


def _table1(rows: Rows) -> Iterator[Entry]:
    for name, folds in rows.items():
        title, paper = NETWORKS[name], published(name)
        yield _accuracy(TABLE1, name, folds, ORIGINAL, lambda result: result.accuracy, paper.val_acc)
        yield _entry(TABLE1, title, DICE, [each.dice.mean() for each in folds], paper.dice, len(folds[0].dice))
        inside = [each.dice[each.held_out].mean() for each in folds]
        yield _entry(TABLE1, title, HELD_OUT, inside, None, int(sum(each.held_out.sum() for each in folds)))
        yield _entry(TABLE1, title, EMPTY, [each.empty for each in folds], None, len(folds[0].dice))


def _table2(rows: Rows) -> Iterator[Entry]:
    for name, folds in rows.items():
        paper = published(name)
        for kind in MEASURES:
            yield _accuracy(TABLE2, name, folds, kind, lambda result: result.accuracy, paper.accuracies[kind])
            if kind == ORIGINAL:
                overlaps = [each.dice.mean() for each in folds]
                yield _entry(TABLE2, NETWORKS[name], DICE, overlaps, paper.dice, len(folds[0].dice))


def _table3(rows: Rows) -> Iterator[Entry]:
    for name, folds in rows.items():
        for kind in MEASURES:
            yield _accuracy(TABLE3, name, folds, kind, lambda result: result.last_accuracy, None)


def _table4(rois: RoiSet) -> Iterator[Entry]:
    for title, overlaps in blind_overlaps(rois).items():
        yield Entry(TABLE4, title, DICE, float(overlaps.mean()), count=len(overlaps))


def _accuracy(
    table: str,
    name: str,
    folds: Sequence[Measured],
    kind: str,
    figure: Callable[[FilterResult], float],
    paper: float | None,
) -> Entry:
    found = [each.results[kind] for each in folds if kind in each.results]
    count = sum(result.images for result in found)
    return _entry(table, NETWORKS[name], MEASURES[kind], [figure(each) for each in found], paper, count or None)


def _entry(
    table: str, row: str, measure: str, values: Sequence[float], paper: float | None, count: int | None
) -> Entry:
    mean = float(np.mean(values)) if values else None
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Entry(table, row, measure, mean, deviation, paper, None, count)


def blind_overlaps(rois: RoiSet) -> dict[str, NDArray[np.float64]]:
    """Mean-Dice, over the abnormal regions, of maps that know nothing of the image: what any real map must beat."""
    sick = rois.where(rois.labels == TUMOUR)
    offsets = [(np.arange(side) + 0.5) / side - 0.5 for side in sick.grey.shape[1:]]
    distance = np.hypot(*np.meshgrid(*offsets, indexing="ij"))  # in sides of the image
    blind = {
        "the same everywhere": np.ones(distance.shape),
        "a hill in the middle": np.exp(-((distance / 0.25) ** 2) / 2),
    }
    return {
        title: map_overlap(sick, np.broadcast_to(each.astype(np.float32), sick.grey.shape))
        for title, each in blind.items()
    }


def findings(rows: Rows, rois: RoiSet) -> tuple[str, ...]:
    """Return what the figures show, in sentences made from them."""
    overlaps = {name: float(np.mean([each.dice.mean() for each in folds])) for name, folds in rows.items()}
    known = {name: folds for name, folds in rows.items() if name in PUBLISHED}
    blind = max(float(values.mean()) for values in blind_overlaps(rois).values())
    beaten = [NETWORKS[name] for name, value in overlaps.items() if value > blind]
    commonest = float(np.bincount(rois.labels).max() / len(rois))
    found = [
        *_highest(known, overlaps),
        f"The better of two maps that look at no image reaches {blind:.3f}; above it: {', '.join(beaten) or 'none'}.",
        f"Always saying 'normal' would be right in {commonest:.3f} of all regions.",
    ]
    return (*found, *_means(known), *_order(known, overlaps), *_pretrained(rows, overlaps))


def _highest(known: Rows, overlaps: Mapping[str, float]) -> Iterator[str]:
    if known:
        best = max(known, key=lambda name: overlaps[name])
        yield f"Highest mean-Dice: {NETWORKS[best]} with {overlaps[best]:.3f}; the paper's is Xception with 0.435."


def _pretrained(rows: Rows, overlaps: Mapping[str, float]) -> Iterator[str]:
    """Compare the network with ImageNet weights with the best of the paper's, which start at random."""
    others = [name for name in rows if name in PUBLISHED]
    if ENCODER not in rows or not others:
        return
    surest = max(others, key=lambda name: _mean([rows[name]], ORIGINAL))
    best = max(others, key=lambda name: overlaps[name])
    yield (
        f"EfficientNet-Lite0 with ImageNet weights: val_acc {_mean([rows[ENCODER]], ORIGINAL):.3f} (best of the "
        f"paper's networks, from random weights: {NETWORKS[surest]} {_mean([rows[surest]], ORIGINAL):.3f}), mean-Dice "
        f"{overlaps[ENCODER]:.3f} ({NETWORKS[best]} {overlaps[best]:.3f})."
    )


def _means(rows: Rows) -> Iterator[str]:
    """Compare the filters over the networks that have them."""
    complete = [folds for folds in rows.values() if {ORIGINAL, CAM, MASK} <= folds[0].results.keys()]
    if complete:
        means = {kind: _mean(complete, kind) for kind in (ORIGINAL, CAM, MASK)}
        words = ", ".join(f"{MEASURES[kind]} {value:.3f}" for kind, value in means.items())
        order = means[MASK] > means[ORIGINAL] > means[CAM]
        yield (
            f"Means over {len(complete)} classifiers: {words}; the paper's order, mask above original above CAM, is "
            f"{'found again' if order else 'not found again'}."
        )
    with_inverse = [folds for folds in rows.values() if INVERSE in folds[0].results]
    if with_inverse:
        inverse, mask = _mean(with_inverse, INVERSE), _mean(with_inverse, MASK)
        yield (
            f"Without the tumour (inverse mask) accuracy is {inverse:.3f}, with the tumour alone {mask:.3f} (paper: "
            "0.616 and 0.904, InceptionV3)."
        )


def _mean(complete: Sequence[Sequence[Measured]], kind: str) -> float:
    return float(np.mean([each.results[kind].accuracy for folds in complete for each in folds if kind in each.results]))


def _order(rows: Rows, overlaps: Mapping[str, float]) -> Iterator[str]:
    """Relate mean-Dice and accuracy on CAM-filtered regions, Fig. 8."""
    names = [name for name, folds in rows.items() if CAM in folds[0].results]
    accuracies = [_mean([rows[name]], CAM) for name in names]
    if len(names) < 3 or len(set(accuracies)) < 2:
        return
    ours = float(stats.spearmanr([overlaps[name] for name in names], accuracies).statistic)
    printed = [PUBLISHED[name] for name in names]
    paper = stats.spearmanr([each.dice for each in printed], [each.cam_val_acc for each in printed]).statistic
    yield (
        f"Rank correlation of Dice and CAM_val_acc over {len(names)} classifiers: {ours:.2f} (paper: {paper:.2f}), "
        "Fig. 8."
    )


def differences(settings: Settings, rois: RoiSet) -> tuple[str, ...]:
    """Return what differs from the paper."""
    sick = rois.labels == TUMOUR
    black = (rois.grey < 0.02).mean(axis=(1, 2)) > 0.02
    return (
        f"MIAS instead of DDSM: {int(sick.sum())} abnormal and {int((~sick).sum())} normal regions instead of 325 and "
        "297; abnormalities of all six kinds, calcifications and distortions among them, not masses alone.",
        "The truth is the circle that MIAS gives around an abnormality, not an outline.",
        "Regions are random windows of 41.6 mm whatever the size of the abnormality, not the tumour's box and 10 to "
        "30 % of room; normal regions lie anywhere in a breast, not at the mirrored place. A tumour is thus smaller in "
        "its region and less often in its middle.",
        f"Abnormal regions reach the edge of the breast more often: {black[sick].mean():.0%} of them are black in more "
        f"than 2 % of their pixels, {black[~sick].mean():.0%} of the normal ones. This hint has nothing to do with a "
        "tumour, and the inverse mask keeps it.",
        "Pictures of regions with their maps (Figs. 7 and 10) and of filtered ones (Fig. 9) are drawn into the work "
        "folder and not shown here: the licence of MIAS does not clearly let them be published.",
        "Both films of a patient are on the same side of the split; the paper does not say so of its own.",
        f"{settings.size} pixels, at most {settings.epochs} epochs with a patience of {settings.patience}, instead of "
        "about 200 epochs; weights start at random, as far as the paper tells. Maps have "
        f"{settings.size // 32} x {settings.size // 32} cells.",
        f"{NETWORKS[ENCODER]}: starts from ImageNet weights, for each filter anew, and is trained whole as the others, "
        "on images of 0 to 1 instead of -1 to 1, as the weights expect. It is the encoder up to stride 16, a 1x1 "
        f"convolution, average pooling and one linear layer, so that its maps have {settings.size // 16} x "
        f"{settings.size // 16} cells. The means and the rank correlation above are of the paper's networks alone.",
        "As in the paper, the held-out images pick the epoch and are what is measured, which flatters all columns of "
        "Tables I and II; the last epoch is given besides.",
        "For the mean-Dice a map explains the class tumour; as a filter it explains the class that the classifier "
        "gave, since an empty map would hand its verdict on. The paper does not say which it took.",
        "Batch normalisation follows its statistics with a momentum of 0.1, not Keras' 0.01 (MobileNetV2 0.001): a few "
        "hundred images would not bring them up to date. InceptionV3's images get a margin so that its cells divide "
        "them evenly.",
        *(() if settings.everywhere else (INVERSE_ALONE,)),
    )
