"""prepare_training: a configuration with its data, checked before training starts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..core import InputError, ModelError, Volume
from ..localizer.inputs import check_unit
from ..models import CARD_FILE, ModelCard, load_model
from ..networks import build_network, load_encoder_weights
from ..networks.pretrained import IMAGENET
from ..views import PLANES
from .checks import Problems, listed
from .config import DataOptions, TrainConfig, read_config, require_known_tumours
from .dataset import Prepared, read_images
from .fine_tuning.labels import ANY_TUMOUR, TUMOUR_FREE, mapped_rows
from .fine_tuning.parent import Parent, class_probabilities, fold_count, tuned_card
from .fine_tuning.volume_labels import chosen_slices
from .fit.engine import require_lightning
from .fit.record import data_fingerprint, load_weights, network_fingerprint
from .fitting import Batch, Objective, cross_entropy
from .images import ImageSet, patient_folds
from .table import Row, read_table
from .typical import typical_limits


@dataclass(frozen=True, eq=False)
class Training:
    """Everything that a training needs, checked.

    Args:
        config: the configuration.
        images: all images with their folds.
        card: the description of the bundle, without measured figures.
        held_out: folds that are held out in turn.
        seen_before: files that the bundle from which the training starts was trained on, as far as its card says.
    """

    config: TrainConfig
    images: ImageSet
    card: ModelCard
    held_out: tuple[int, ...]
    seen_before: int = 0

    def network(self) -> nn.Module:
        """Return the network as it starts: seeded, or with the weights that the configuration names."""
        return start_network(self.config, self.images.classes)

    def plan(self) -> dict[str, Any]:
        """Return what decides the result, as JSON values."""
        images = self.images
        tensors = [
            torch.from_numpy(np.ascontiguousarray(each)) for each in (images.images, images.labels, images.folds)
        ]
        return {
            "config": json.loads(json.dumps(self.config.plan())),
            "network": network_fingerprint(self.network()),
            "data": data_fingerprint(tensors) | {"patients": len(set(images.patients.tolist()))},
        }


def prepare_training(
    path: Path,
    problems: Problems,
    progress: Callable[[int, int], None] | None = None,
    *,
    parent: Parent | None = None,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
) -> Training | None:
    """Read a configuration, its table and its images.

    Args:
        path: TOML or JSON file; with a parent also a table of labels.
        problems: takes a sentence for everything that is wrong, as far as it can be seen.
        progress: called after each file with (files done, files).
        parent: the bundle that the training starts from; None for fresh weights.
        changes: values by section and key that replace those of the file.

    Returns:
        The training, None if there are problems.

    Raises:
        InputError: the configuration is missing or neither TOML nor JSON.
        SettingsError: the training extra is not installed.
    """
    require_lightning()
    config, data = read_config(path, problems, parent, changes)
    rows: list[Row] = []
    if data is not None:
        table = path.parent / data.table
        images = path.parent / data.images if data.images else table.parent
        rows = _rows(table, images, data, config, parent, problems)
    if config is None:
        return None
    choose = None if parent is None else _slice_choice(config, parent)
    prepared = read_images(rows, config.input, problems, progress, choose=choose)
    classes = config.data.classes or tuple(sorted({row.label for row in rows}))
    if rows:
        problems.extend(require_known_tumours(config, classes))
    with problems.noted("[network] "):
        start_network(config, classes if len(classes) > 1 else ("one", "another"))
    if len(problems):
        _note_folds(rows, config, classes, problems)
        return None
    return _assembled(config, classes, prepared, problems)


def _rows(
    table: Path,
    images: Path,
    data: DataOptions,
    config: TrainConfig | None,
    parent: Parent | None,
    problems: Problems,
) -> list[Row]:
    """Read the lines of the table, by the class names of the parent where there is one."""
    if parent is not None:
        free = (*parent.card.other_classes, *TUMOUR_FREE)
        rows = read_table(table, images, replace(data, classes=()), problems, tumour_free=free)
        return mapped_rows(rows, parent.card, table, problems)
    known = data.classes if config is not None else ()
    free = tuple(name for name in known if config is not None and name not in config.model.tumour_classes)
    return read_table(table, images, data, problems, tumour_free=free)


def _slice_choice(config: TrainConfig, parent: Parent) -> Callable[[Volume, Prepared], Prepared]:
    """Check each volume against the parent's card, and leave out slices that its label may not stand for."""
    network, card = parent.network().eval(), parent.card

    def choose(volume: Volume, prepared: Prepared) -> Prepared:
        check_unit(volume, card)
        if unknown := sorted(set(prepared.planes) - set(card.views)):
            raise InputError(
                f"{prepared.rows[0].path}: is sliced in the {unknown[0]} plane, {card.name} takes "
                f"{', '.join(card.views)}; give a column view"
            )
        return chosen_slices(prepared, network, card, config.fine_tuning.slices_per_volume)

    return choose


def _note_folds(rows: Sequence[Row], config: TrainConfig, classes: tuple[str, ...], problems: Problems) -> None:
    """Check whether the cases suffice for the folds, although training cannot start."""
    used = [row for row in rows if row.label in classes and row.fold is None]
    if not used or not config.folds.count or len(classes) < 2 or config.parent is not None:
        return
    labels = np.array([classes.index(row.label) for row in used])
    with problems.noted():
        _assign_folds(np.array([row.patient for row in used]), labels, config, classes)


def _assign_folds(
    patients: NDArray[np.str_], labels: NDArray[np.int64], config: TrainConfig, classes: tuple[str, ...]
) -> NDArray[np.int64]:
    count = config.folds.count
    for index, name in enumerate(classes):
        if (cases := len(set(patients[labels == index].tolist()))) < count:
            raise InputError(f"too few cases for {count} folds: class {name!r} has {cases} patients; use fewer folds")
    return patient_folds(patients, labels, count, config.training.seed)


def _assembled(
    config: TrainConfig, classes: tuple[str, ...], prepared: Sequence[Prepared], problems: Problems
) -> Training | None:
    rows = [row for each in prepared for row in each.rows]
    if not rows:
        problems.add(f"{config.table_path}: no image can be used; every slice is blank")
        return None
    pixels = np.concatenate([each.images for each in prepared])[:, None]  # (N, 1, H, W)
    untyped = np.array([row.label == ANY_TUMOUR and ANY_TUMOUR not in classes for row in rows])
    labels = np.array([classes.index(row.label) if row.label in classes else 0 for row in rows], dtype=np.int64)
    if config.parent is not None and untyped.any():
        labels[untyped] = _most_probable_tumours(config.parent, pixels[untyped])
    patients = np.array([row.patient for row in rows])
    points = np.concatenate([each.points for each in prepared])
    given = rows[0].fold is not None
    folds = np.array([row.fold or 1 for row in rows], dtype=np.int64)
    if not given and config.folds.count:
        with problems.noted():
            if config.parent is None:
                folds = _assign_folds(patients, labels, config, classes)
            else:
                folds, config = _folds_by_tumour(patients, labels, config, config.parent)
    if not len(problems):
        problems.extend(_fold_problems(folds, labels, config, classes))
    with problems.noted():
        images = ImageSet(
            pixels,
            labels,
            classes,
            patients,
            folds,
            np.array([name for each in prepared for name in each.names]),
            points if np.isfinite(points).any() else None,
            np.array([row.site for row in rows]) if any(row.site for row in rows) else None,
            np.array([plane for each in prepared for plane in each.image_planes]),
            untyped if untyped.any() else None,
        )
        card = _card(config, images, prepared)
        problems.extend(_trial(config, images, card))
    if len(problems):
        return None
    seen = set() if config.parent is None else set(config.parent.card.training_images)
    again = len({each.fingerprint for each in prepared} & seen)
    return Training(config, images, card, _held_out(config, folds), again)


def _most_probable_tumours(parent: Parent, pixels: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the tumour class that the parent finds most probable in each image, whatever else it finds."""
    tumours = np.array([parent.card.classes.index(name) for name in parent.card.tumour_classes])
    found = class_probabilities(parent.network(), torch.from_numpy(pixels), parent.card).numpy()
    chosen: NDArray[np.int64] = tumours[found[:, tumours].argmax(1)]
    return chosen


def _folds_by_tumour(
    patients: NDArray[np.str_], labels: NDArray[np.int64], config: TrainConfig, parent: Parent
) -> tuple[NDArray[np.int64], TrainConfig]:
    """Deal patients with and without a tumour into folds, as many as there are patients for.

    Raises:
        InputError: too few patients.
    """
    tumours = [parent.card.classes.index(name) for name in parent.card.tumour_classes]
    shown = np.isin(labels, tumours)
    strata = {"a tumour": patients[shown].tolist(), "no tumour": patients[~shown].tolist()}
    count = fold_count({name: found for name, found in strata.items() if found}, config.folds.count)
    folds = patient_folds(patients, shown.astype(np.int64), count, config.training.seed)
    return folds, replace(config, folds=replace(config.folds, count=count))


def _held_out(config: TrainConfig, folds: NDArray[np.int64]) -> tuple[int, ...]:
    if not config.folds.count:
        return ()
    return config.folds.run or tuple(np.unique(folds).tolist())


def _fold_problems(
    folds: NDArray[np.int64], labels: NDArray[np.int64], config: TrainConfig, classes: tuple[str, ...]
) -> list[str]:
    """Return which folds do not exist or leave too little to train on."""
    present = np.unique(folds).tolist()
    held_out = _held_out(config, folds)
    found = [
        f"[folds] run has fold {fold}, the data have {listed(map(str, present))}"
        for fold in held_out
        if fold not in present
    ]
    validated = config.folds.validation == "next"
    if held_out and len(present) < 2 + validated:
        found.append(
            f"too few folds: {len(present)}; validation with {config.folds.validation!r} needs {2 + validated} at least"
        )
        return found
    for fold in set(held_out) & set(present):
        left_out = [fold, next_fold(fold, present)] if validated else [fold]
        trained = np.unique(labels[~np.isin(folds, left_out)]).tolist()
        lacking = [name for index, name in enumerate(classes) if index not in trained]
        if lacking and config.parent is None:
            found.append(f"without folds {left_out} no image of class {', '.join(lacking)} is left to train on")
    return found


def next_fold(fold: int, present: Sequence[int]) -> int:
    """Return the fold after ``fold`` in a circle."""
    return present[(present.index(fold) + 1) % len(present)]


def start_network(config: TrainConfig, classes: tuple[str, ...]) -> nn.Module:
    """Build the network with seeded weights, or with those that the configuration names.

    Raises:
        ModelError: a network that does not take the settings, or weights that are missing or of another network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.training.seed)
        network = build_network(config.network.name, **{"classes": len(classes)} | dict(config.network.settings))
    if source := config.network.encoder_weights:
        load_encoder_weights(network, source if source == IMAGENET else config.folder / source)
    if config.parent is not None:
        return config.parent.network()
    if config.network.weights:
        path = config.folder / config.network.weights
        bundle = (path / CARD_FILE).exists()
        load_weights(load_model(path).weights_path if bundle else path, network)
    return network


def make_objective(config: TrainConfig, spacing_mm: float, weights: Tensor | None) -> Objective:
    """Return what is minimised, with weights of the classes, shape (classes,), or None for equal ones."""
    if config.objective.name == "cross-entropy":
        return cross_entropy(weights)
    from .point_loss import point_loss

    return point_loss(config.objective.weight, spacing_mm, spread=config.objective.spread, class_weights=weights)


def _trial(config: TrainConfig, images: ImageSet, card: ModelCard) -> list[str]:
    """Run network and loss once, so that what does not fit is known now and not after the first fold."""
    if config.objective.name == "point" and images.points is None:
        return ["[objective] point needs centre points, but no line of the table has x and y"]
    network = start_network(config, images.classes).eval()
    points = None if images.points is None else torch.from_numpy(images.points[:2])
    batch = Batch(torch.from_numpy(images.images[:2]), torch.from_numpy(images.labels[:2]), points)
    height, width = images.images.shape[2:]
    try:
        with torch.no_grad():
            _, logits = make_objective(config, card.spacing_mm, None)(network, batch)
    except (ModelError, RuntimeError, ValueError) as error:
        text = str(error).splitlines()[0]
        return [f"[network] {config.network.name} cannot be trained on images of {width} x {height} pixels: {text}"]
    if logits.shape != (len(batch.images), len(images.classes)):
        return [f"[network] {config.network.name} does not classify images: its output has shape {tuple(logits.shape)}"]
    return []


def _card(config: TrainConfig, images: ImageSet, prepared: Sequence[Prepared]) -> ModelCard:
    """Describe the network.

    Raises:
        ModelError: a section ``model`` that no bundle can have.
    """
    model, network = config.model, config.network
    layers = getattr(start_network(config, images.classes), "cam_layers", None)
    if not layers:
        raise ModelError(f"[network] {network.name} has no maps to localise with; take another network")
    scales = model.scales or tuple(sorted(layers))
    if lacking := sorted(set(scales) - set(layers)):
        raise ModelError(f"[model] unknown scales {lacking}; {network.name} provides {sorted(layers)}")
    projections = config.input.view == "projections"
    planes = {plane for each in prepared for plane in each.planes}
    height, width = images.images.shape[2:]
    target = model.target or ("class" if set(model.tumour_classes) == set(images.classes) else "margin")
    try:
        card = ModelCard(
            name=model.name,
            version=model.version,
            network=network.name,
            network_settings={"classes": len(images.classes)} | dict(network.settings),
            modality=model.modality,
            title=model.title,
            spacing_mm=prepared[0].spacing_mm,
            size=(width, height),
            normalisation=config.input.normalisation,
            centre=config.input.centre,
            classes=images.classes,
            tumour_classes=model.tumour_classes,
            scales=scales,
            views=tuple(plane for plane in PLANES if plane in planes),
            target=target,
            map=model.map,
            threshold=model.threshold,
            map_normalisation=model.map_normalisation,
            map_levels=dict.fromkeys(scales, 1.0) if model.map_normalisation == "reference" else {},
            probability_limit=model.probability_limit,
            min_volume_ml=model.min_volume_ml,
            min_share=model.min_share,
            min_extent_mm=model.min_extent_mm,
            refinement=model.refinement,
            temperature=model.temperature,
            stack_smoothing_mm=model.stack_smoothing_mm,
            projections=projections,
            unit=model.unit,
            typical=typical_limits(each.images for each in prepared),
            training_data=model.training_data,
            licence=model.licence,
            intended_use=model.intended_use,
            limits=model.limits,
            training_images=tuple(sorted({each.fingerprint for each in prepared})),
        )
    except ModelError as error:
        raise ModelError(f"[model] {error}") from error
    if config.parent is None:
        return card
    people = len(set(images.patients.tolist()))
    return tuned_card(card, config.parent, training_data=model.training_data, images=len(images), patients=people)
