"""Does a model use the tumour: its accuracy, the overlap of its maps, and its accuracy on filtered images."""

from __future__ import annotations

import csv
import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..core import SettingsError
from ..io.writing import output_errors
from ..localizer.targets import common_logits, target_weights
from ..metrics import classification_report, iou
from ..models import ModelBundle, ModelCard
from ..networks import build_network
from ..segment import apply_threshold
from ..training.fitting import FitOptions, predict_logits
from .data import EvaluationData
from .filters import CAM, INVERSE, MASK, ORIGINAL, FilterResult, activation_maps, map_overlap, retrain
from .projection_pairs import explain_pairs, label_map_dices
from .roi_set import FIXED

CSV_FILE, JSON_FILE, TRAINING_FOLDER = "evaluation.csv", "evaluation.json", "training"
MODEL, MODEL_BY_PATIENT = "model", "model-by-patient"
COLUMNS = ("images", "accuracy", "last_accuracy", "sensitivity", "specificity", "auc", "epochs", "best_epoch")


@dataclass(frozen=True)
class Evaluation:
    """What was measured.

    Args:
        model: name, version and checksum.
        data: number of images, patients, images of each class, and images with a mask.
        classification: the model's own figures on all images.
        by_patient: the same with the mean probabilities of each patient's projections, and ``patients``; empty for a
            model of slices, whose images of one patient may differ in class.
        maps: mean-Dice and IoU of the model's maps over the images with a mask; empty without masks. Of projections
            also the mean 3D Dice of the label maps.
        filters: figures of the networks that were trained from scratch, a line per filter and fold.
        notes: what had to be assumed of the images, in sentences.
    """

    model: Mapping[str, str]
    data: Mapping[str, Any]
    classification: Mapping[str, float | None]
    by_patient: Mapping[str, float | None] = field(default_factory=dict)
    maps: Mapping[str, Any] = field(default_factory=dict)
    filters: tuple[FilterResult, ...] = ()
    notes: tuple[str, ...] = ()

    def accuracies(self) -> dict[str, tuple[float, float | None]]:
        """Mean and standard deviation over folds of each filter's accuracy."""
        values: dict[str, list[float]] = {}
        for result in self.filters:
            values.setdefault(result.filter, []).append(result.accuracy)
        return {
            kind: (statistics.mean(each), statistics.stdev(each) if len(each) > 1 else None)
            for kind, each in values.items()
        }


def measure_model(bundle: ModelBundle, data: EvaluationData, *, device: str = "cpu") -> Evaluation:
    """Measure a model as it is: classes, and maps where masks are given.

    The maps are those of the main job in one image: by the model's method, at its scales, for its target, each scale
    over its own maximum; the IoU is at its threshold. Both projections of a volume explain the same class, and the main
    job itself runs on volumes with a mask.

    Args:
        bundle: the model.
        data: images, with masks or without.
        device: torch's name.
    """
    card, rois = bundle.card, data.rois
    logits, found = _predictions(bundle, data, device)
    probabilities = torch.from_numpy(logits).softmax(dim=1).numpy()
    counts = np.bincount(rois.labels, minlength=len(card.classes)).tolist()
    maps = {} if found is None else _overlap(data, found, card.threshold)
    if maps and data.pairs:
        maps |= _volume_overlap(bundle, data, device)
    described = {
        "images": len(rois),
        "patients": len(set(rois.patients.tolist())),
        "classes": dict(zip(card.classes, counts, strict=True)),
        "images_with_mask": maps.get("images", 0),
    }
    return Evaluation(
        {"name": card.name, "version": card.version, "sha256": card.sha256},
        described,
        _figures(rois.labels, probabilities, card),
        _by_patient(data, probabilities, card) if data.pairs else {},
        maps,
        notes=data.notes,
    )


def _predictions(
    bundle: ModelBundle, data: EvaluationData, device: str
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return the logits of all images, and their maps where there are masks to compare them with."""
    card, network = bundle.card, bundle.network()
    settings: dict[str, Any] = {"scales": map_weights(card), "method": card.map, "device": device}
    if data.pairs:
        return explain_pairs(
            network, data.images, data.pairs, lambda scores: target_weights(common_logits(scores), card), **settings
        )
    logits = predict_logits(network, data.images, device=device)
    if data.rois.truth is None:
        return logits, None
    return logits, activation_maps(
        network, data.images, targets=lambda scores: target_weights(scores, card), **settings
    )


def _figures(labels: NDArray[np.int64], probabilities: NDArray[np.float32], card: ModelCard) -> dict[str, float | None]:
    positive = card.classes.index(card.tumour_classes[0]) if len(card.classes) == 2 else None
    measured = asdict(classification_report(labels, probabilities, positive=positive))
    return {name: None if value != value else value for name, value in measured.items()}


def _by_patient(data: EvaluationData, probabilities: NDArray[np.float32], card: ModelCard) -> dict[str, float | None]:
    """Measure mean probabilities of each patient; scans of one patient that differ in label count apart."""
    keys = list(zip(data.rois.patients.tolist(), data.rois.labels.tolist(), strict=True))
    groups = [[index for index, key in enumerate(keys) if key == each] for each in sorted(set(keys))]
    means = np.stack([probabilities[group].mean(axis=0) for group in groups])
    return {"patients": len(groups)} | _figures(data.rois.labels[[group[0] for group in groups]], means, card)


def _volume_overlap(bundle: ModelBundle, data: EvaluationData, device: str) -> dict[str, Any]:
    dices = list(label_map_dices(bundle, data.pairs, device))
    return {"volumes": len(dices), "dice_3d": float(np.mean(dices)), "missed_3d": float(np.mean(np.equal(dices, 0)))}


def strides_of(bundle: ModelBundle) -> Mapping[int, int]:
    """Return pixels per cell of each scale of the model's maps.

    Raises:
        SettingsError: a network without named layers for maps.
    """
    network = bundle.network()
    if not hasattr(network, "cam_layers"):
        raise SettingsError(f"the network of {bundle.card.name} names no layers for maps; take a classifier")
    return {scale: int(stride) for scale, stride in network.strides.items()}  # type: ignore[operator, union-attr]


def map_weights(card: ModelCard) -> dict[int, float]:
    """Return the weight of each scale that a model fuses by default."""
    return dict(zip(card.scales, card.scale_weights or (1.0,) * len(card.scales), strict=True))


def _overlap(data: EvaluationData, maps: NDArray[np.float32], threshold: str) -> dict[str, Any]:
    rois = data.rois
    assert rois.truth is not None
    marked = np.flatnonzero(rois.truth.any(axis=(1, 2)))
    dices = map_overlap(rois, maps)[marked]
    ious = [iou(rois.truth[index], apply_threshold(maps[index], threshold)) for index in marked]
    return {
        "images": len(marked),
        "mean_dice": float(np.mean(dices)),
        "iou": float(np.mean(ious)),
        "threshold": threshold,
        "empty_maps": float((maps[marked].max(axis=(1, 2)) == 0).mean()),
    }


def retrain_filtered(
    bundle: ModelBundle,
    data: EvaluationData,
    options: FitOptions,
    output: Path,
    *,
    device: str = "cpu",
    report: Callable[[str], None] | None = None,
) -> Iterator[FilterResult]:
    """Train the model's network from scratch on images filtered in turn, each fold held out once.

    Filters: none, the model's own map of the class that it gives, and with masks the mask and its inverse. All four
    get images on one fixed scale (see `RoiSet.image_set`), not the model's normalisation, so that they differ in what
    was filtered and in nothing else. Projections stay on their own scale from 0, where there is no uptake, to 1: what
    a filter leaves out is black as air is.

    Args:
        bundle: gives the network's name and settings, and the maps.
        data: images with folds.
        options: how to train.
        output: gets a folder per training; finished ones are loaded.
        device: where the maps are computed.
        report: takes a line per epoch.

    Yields:
        The figures of each training as soon as it is done.

    Raises:
        CAMLocalizerError: as for `retrain`.
    """
    card = bundle.card
    settings = {"classes": len(card.classes)} | dict(card.network_settings)
    settings.pop("pretrained", None)
    maps = _maps_of_predicted_classes(bundle, data, device)
    kinds = (ORIGINAL, CAM) if data.rois.truth is None else (ORIGINAL, CAM, MASK, INVERSE)
    for fold in np.unique(data.rois.folds).tolist():
        for kind in kinds:
            name = f"fold-{fold}-{kind}"
            yield retrain(
                lambda: build_network(card.network, **settings),
                data.rois,
                kind,
                options,
                output / TRAINING_FOLDER / name,
                fold=fold,
                maps=maps,
                normalisation="none" if data.pairs else FIXED,
                report=_prefixed(report, name),
            )[1]


def _maps_of_predicted_classes(bundle: ModelBundle, data: EvaluationData, device: str) -> NDArray[np.float32]:
    """Make maps of the class that the model gives each image, or both projections of a volume together."""
    network, card = bundle.network(), bundle.card
    settings: dict[str, Any] = {"scales": map_weights(card), "method": card.map, "device": device}
    if not data.pairs:
        return activation_maps(network, data.images, **settings)
    return explain_pairs(
        network, data.images, data.pairs, lambda scores: common_logits(scores).argmax(dim=1), **settings
    )[1]


def _prefixed(report: Callable[[str], None] | None, name: str) -> Callable[[str], None] | None:
    return None if report is None else lambda line: report(f"{name}: {line}")


def evaluate(
    bundle: ModelBundle,
    data: EvaluationData,
    output: Path,
    *,
    options: FitOptions | None = None,
    device: str = "cpu",
    report: Callable[[str], None] = print,
) -> Evaluation:
    """Measure a model, retrain on filtered images if asked to, and write ``evaluation.csv`` and ``evaluation.json``.

    Args:
        bundle: the model.
        data: images, with masks or without.
        output: folder, made if missing; the two files are written again after each training.
        options: how to retrain; None to measure the model alone.
        device: where the model is measured.
        report: takes a line per epoch.

    Raises:
        SettingsError: a network without named layers for maps.
        OutputError: the folder cannot be written.
        CAMLocalizerError: as for `retrain_filtered`.
    """
    strides_of(bundle)
    found = measure_model(bundle, data, device=device)
    write_evaluation(output, found)
    if options is None:
        return found
    for result in retrain_filtered(bundle, data, options, output, device=device, report=report):
        found = replace(found, filters=(*found.filters, result))
        write_evaluation(output, found)
    return found


def write_evaluation(output: Path, found: Evaluation) -> None:
    """Write ``evaluation.csv``, a line per filter and fold with their mean, and ``evaluation.json``."""
    accuracies = {kind: {"mean": mean, "sd": deviation} for kind, (mean, deviation) in found.accuracies().items()}
    values = {
        "model": dict(found.model),
        "data": dict(found.data),
        "classification": dict(found.classification),
        "classification_by_patient": dict(found.by_patient) or None,
        "maps": dict(found.maps) or None,
        "accuracy": accuracies,
        "folds": [result.as_dict() for result in found.filters],
        "findings": list(findings(found)),
        "notes": list(found.notes),
    }
    with output_errors(output):
        output.mkdir(parents=True, exist_ok=True)
        (output / JSON_FILE).write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (output / CSV_FILE).write_text(_csv(found), encoding="utf-8")


def _csv(found: Evaluation) -> str:
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("filter", "fold", *COLUMNS))
    own = {"images": found.data["images"], **found.classification}
    writer.writerow((MODEL, "all", *(_cell(own.get(name)) for name in COLUMNS)))
    if found.by_patient:
        patients = {"images": found.by_patient["patients"], **found.by_patient}
        writer.writerow((MODEL_BY_PATIENT, "all", *(_cell(patients.get(name)) for name in COLUMNS)))
    for result in found.filters:
        values = result.as_dict()
        writer.writerow((result.filter, result.fold, *(_cell(values[name]) for name in COLUMNS)))
    for kind in found.accuracies():
        members = [result.as_dict() for result in found.filters if result.filter == kind]
        writer.writerow((kind, "mean", *(_cell(_mean(name, members)) for name in COLUMNS)))
    return stream.getvalue()


def _mean(name: str, members: Sequence[Mapping[str, Any]]) -> float | int | None:
    known = [each[name] for each in members if each[name] is not None]
    if name == "images":
        return sum(known)
    return statistics.mean(known) if known and "epoch" not in name else None


def _cell(value: float | int | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def findings(found: Evaluation) -> Iterator[str]:
    """Yield what the figures show, in sentences for the terminal and ``evaluation.json``."""
    commonest = max(found.data["classes"].values()) / found.data["images"]
    accuracy = found.classification["accuracy"]
    always = f"always saying the commonest class would be in {commonest:.3f}" if commonest < 1 else "all of one class"
    yield f"The model is right in {accuracy:.3f} of the images; {always}."
    if found.by_patient:
        yield (
            f"By the mean of each patient's projections it is right in {found.by_patient['accuracy']:.3f} of "
            f"{found.by_patient['patients']} patients."
        )
    if found.maps:
        yield (
            f"Its maps reach a mean-Dice of {found.maps['mean_dice']:.3f} over {found.maps['images']} images with a "
            f"mask, and an IoU of {found.maps['iou']:.3f} at threshold {found.maps['threshold']}."
        )
    if "volumes" in found.maps:
        yield (
            f"Its label maps reach a 3D Dice of {found.maps['dice_3d']:.3f} over {found.maps['volumes']} volumes; "
            f"{found.maps['missed_3d']:.3f} of them miss the tumour."
        )
    means = {kind: mean for kind, (mean, _) in found.accuracies().items()}
    if CAM in means:
        yield (
            f"Trained anew on whole images the network reaches {means[ORIGINAL]:.3f}, on images filtered by the "
            f"model's maps {means[CAM]:.3f}."
        )
    if INVERSE in means:
        yield (
            f"With the tumour alone it reaches {means[MASK]:.3f}, without the tumour {means[INVERSE]:.3f}; what is "
            f"above {commonest:.3f} without the tumour comes from elsewhere in the image."
        )
    if found.notes:
        yield f"{len(found.notes)} notes on the images, the first: {found.notes[0]}."
