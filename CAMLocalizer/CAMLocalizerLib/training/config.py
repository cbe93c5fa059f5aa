"""TrainConfig: the settings of `camlocalizer train`, read from TOML or JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..core import InputError
from ..models.card import TARGETS
from ..networks import NETWORKS
from ..option_names import MAP_NORMALISATIONS, MAPS, REFINEMENTS
from ..views import CENTRES, NORMALISATIONS, PIXELS_PER_CELL, PLANES
from .checks import Problems, did_you_mean
from .fine_tuning.options import FineTuningOptions, fine_tuning_problems
from .fine_tuning.parent import Parent, with_parent
from .fit.options import FitOptions, option_problems
from .localisation.options import LocalisationOptions, localisation_problems
from .sections import checked_section, read_values, unknown_sections

VIEWS = ("auto", *PLANES, "projections")
OBJECTIVES = ("cross-entropy", "point")
VALIDATIONS = ("next", "held-out", "none")


@dataclass(frozen=True)
class DataOptions:
    """The table of labels.

    Args:
        table: CSV file with a header line, relative to the configuration's folder.
        images: folder that the table's files are relative to; the table's own if not given.
        file, label, patient: names of the columns that every table has.
        fold, slice, x, y, z, site, view: names of columns that a table may have; used if they are there.
        classes: labels in the order of the network's outputs; sorted if not given.
    """

    table: str
    images: str = ""
    file: str = "file"
    label: str = "label"
    patient: str = "patient"
    fold: str = "fold"
    slice: str = "slice"
    x: str = "x"
    y: str = "y"
    z: str = "z"
    site: str = "site"
    view: str = "view"
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class NetworkOptions:
    """The network.

    Args:
        name: a key of :data:`CAMLocalizerLib.networks.NETWORKS`.
        settings: what its constructor takes besides the number of classes.
        weights: safetensors file or model bundle to start from, relative to the configuration's folder; empty for
            fresh weights.
        encoder_weights: ``imagenet`` for the published weights of the encoder that the settings name, or a safetensors
            file with the encoder's tensors, relative to the configuration's folder; empty for fresh weights.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""
    encoder_weights: str = ""


@dataclass(frozen=True)
class InputOptions:
    """What the network sees of an image; the model bundle keeps it.

    Args:
        spacing_mm: of the pixels; that of the images if not given, which must then be the same in all.
        size: width and height in pixels; that of the images if not given, which must then be the same in all.
        normalisation: a key of :data:`CAMLocalizerLib.views.NORMALISATIONS`.
        view: ``axial``, ``coronal`` or ``sagittal`` slices, ``auto`` for those of acquisition, or ``projections``:
            coronal and sagittal maximum intensity projections.
        centre: what slices are centred on in-plane: ``volume``, or ``content``, the box around the foreground.
    """

    spacing_mm: float | None = None
    size: tuple[int, int] | None = None
    normalisation: str = "foreground-zscore"
    view: str = "auto"
    centre: str = "volume"


@dataclass(frozen=True)
class ObjectiveOptions:
    """What is minimised.

    Args:
        name: ``cross-entropy``, or ``point``: cross-entropy and the distance of the map to the centre point.
        weight: of a millimetre of that distance.
        spread: of a millimetre of the map's spread, relative to the distance; see `point_loss`.
    """

    name: str = "cross-entropy"
    weight: float = 0.02
    spread: float = 0.1


@dataclass(frozen=True)
class FoldOptions:
    """Cross-validation by patient.

    Args:
        count: number of folds where the table has no column for them; 0 for no cross-validation.
        run: folds that are held out in turn; all if not given.
        validation: which images pick the best epoch: ``next``: those of the fold after the held-out one, which are
            then not trained on; ``held-out``: those that are measured, which flatters the figures; ``none``.
        final: train on all images in the end; the model bundle is then that network. With ``patience`` it is trained
            for the median of the folds' best epochs, otherwise for all.
        calibrate: take the temperature of the model bundle from the answers to held-out images, in place of the one in
            section ``model``.
    """

    count: int = 5
    run: tuple[int, ...] = ()
    validation: str = "next"
    final: bool = True
    calibrate: bool = False


@dataclass(frozen=True)
class ModelOptions:
    """What the model bundle says of itself; see :class:`CAMLocalizerLib.models.ModelCard`.

    Left out, ``scales`` are all of the network, ``target`` is ``margin``, or ``class`` if every class is a tumour.
    """

    name: str
    modality: str
    tumour_classes: tuple[str, ...]
    title: str = ""
    version: str = "1.0.0"
    scales: tuple[int, ...] = ()
    target: str = ""
    map: str = "pg-cam"
    threshold: str = "0.4"
    map_normalisation: str = "slice"
    probability_limit: float = 0.0
    min_volume_ml: float = 0.0
    min_share: float = 0.0
    min_extent_mm: float = 0.0
    refinement: str = "none"
    temperature: float = 1.0
    stack_smoothing_mm: float = 0.0
    unit: str = ""
    training_data: str = ""
    licence: str = ""
    intended_use: str = ""
    limits: str = ""


@dataclass(frozen=True)
class TrainConfig:
    """A whole configuration.

    Args:
        folder: what paths are relative to.
        data, network, input, training, objective, localisation, folds, model: its sections.
        fine_tuning: what only counts with a parent.
        parent: the bundle that the training starts from; None for fresh weights, or those that ``network`` names.
    """

    folder: Path
    data: DataOptions
    network: NetworkOptions
    model: ModelOptions
    input: InputOptions = InputOptions()
    training: FitOptions = field(default_factory=FitOptions)
    objective: ObjectiveOptions = ObjectiveOptions()
    localisation: LocalisationOptions = field(default_factory=LocalisationOptions)
    folds: FoldOptions = FoldOptions()
    fine_tuning: FineTuningOptions = field(default_factory=FineTuningOptions)
    parent: Parent | None = None

    @property
    def table_path(self) -> Path:
        """The CSV file."""
        return self.folder / self.data.table

    @property
    def image_folder(self) -> Path:
        """What the table's files are relative to."""
        return self.folder / self.data.images if self.data.images else self.table_path.parent

    def plan(self) -> dict[str, Any]:
        """Return what decides the result, as JSON values: all but the machine's options and where things lie."""
        elsewhere = ("folder", "training", "fine_tuning", "parent")
        sections = {name: asdict(value) for name, value in vars(self).items() if name not in elsewhere}
        if self.parent is not None:
            sections |= {"fine_tuning": asdict(self.fine_tuning), "parent": self.parent.origin}
        return sections | {"training": self.training.recipe()}


_SECTIONS: dict[str, type] = {
    "data": DataOptions,
    "network": NetworkOptions,
    "input": InputOptions,
    "training": FitOptions,
    "objective": ObjectiveOptions,
    "localisation": LocalisationOptions,
    "folds": FoldOptions,
    "model": ModelOptions,
    "fine_tuning": FineTuningOptions,
}
TABLE_SUFFIXES = (".csv",)


def is_table(path: Path) -> bool:
    """Return whether a file is a table of labels rather than a configuration."""
    return path.suffix.lower() in TABLE_SUFFIXES


def read_config(
    path: Path, problems: Problems, parent: Parent | None = None, changes: Mapping[str, Mapping[str, Any]] | None = None
) -> tuple[TrainConfig | None, DataOptions | None]:
    """Read a configuration; what is wrong with it is noted in ``problems``.

    Args:
        path: TOML or JSON; with a parent also a table of labels, for a training with the usual options.
        problems: takes a sentence for each problem.
        parent: the bundle that the training starts from; it decides network, input and classes.
        changes: values by section and key that replace those of the file.

    Returns:
        The configuration, None if a section has problems; and its section ``data``, None if that one has, so that
        the table can be checked even if something else is wrong.

    Raises:
        InputError: the file is missing or neither TOML nor JSON, or a table without a parent.
    """
    values = _values(path, parent)
    for section, own in (changes or {}).items():
        values[section] = {**values.get(section, {}), **own}
    unknown_sections(values, _SECTIONS, problems)
    if parent is not None:
        values = with_parent(values, parent, problems)
    elif "fine_tuning" in values:
        problems.add("[fine_tuning] is for a training that starts from a model bundle; give --from MODEL")
    sections: dict[str, Any] = {}
    for name, kind in _SECTIONS.items():
        found = Problems()
        checked = checked_section(name, kind, values.get(name, {}), found)
        found.extend(_value_problems(name, checked))
        problems.extend(found.sentences)
        if not len(found):
            sections[name] = kind(**checked)
    data = sections.get("data")
    if len(sections) < len(_SECTIONS):
        return None, data
    config = TrainConfig(path.parent, **sections, parent=parent)
    problems.extend(_joint_problems(config))
    return config, data


def _values(path: Path, parent: Parent | None) -> dict[str, Any]:
    if not is_table(path):
        return read_values(path)
    if parent is None:
        raise InputError(f"{path}: is a table of labels; give a configuration, or --from MODEL to fine-tune a bundle")
    return {"data": {"table": path.name}}


def _value_problems(name: str, values: Mapping[str, Any]) -> list[str]:
    """Return which values of a section are out of range."""
    if name == "training":
        return [f"[training] {text}" for text in option_problems(values)]
    if name == "localisation":
        return [f"[localisation] {text}" for text in localisation_problems(values)]
    if name == "fine_tuning":
        return [f"[fine_tuning] {text}" for text in fine_tuning_problems(values)]
    choices: dict[tuple[str, str], Any] = {
        ("network", "name"): NETWORKS,
        ("input", "normalisation"): NORMALISATIONS,
        ("input", "view"): VIEWS,
        ("input", "centre"): CENTRES,
        ("objective", "name"): OBJECTIVES,
        ("folds", "validation"): VALIDATIONS,
        ("model", "target"): (*TARGETS, ""),
        ("model", "map"): MAPS,
        ("model", "map_normalisation"): MAP_NORMALISATIONS,
        ("model", "refinement"): REFINEMENTS,
    }
    found = [
        f"[{name}] {key} must be a known one, got {value!r}{did_you_mean(value, filter(None, choices[name, key]))}"
        for key, value in values.items()
        if (name, key) in choices and value not in choices[name, key]
    ]
    return found + [f"[{name}] {text}" for text in _range_problems(name, values)]


def _range_problems(name: str, values: Mapping[str, Any]) -> list[str]:
    found = []
    if name == "input":
        spacing, size = values.get("spacing_mm"), values.get("size")
        if spacing is not None and not 0 < spacing < math.inf:
            found.append(f"spacing_mm must be positive, got {spacing}")
        if size is not None and min(size) < 1:
            found.append(f"size must be a width and height of at least 1 pixel, got {size}")
        if size is not None and values.get("view") == "projections" and any(side % PIXELS_PER_CELL for side in size):
            found.append(f"size must be in multiples of {PIXELS_PER_CELL} pixels for projections, got {size}")
    if name == "objective":
        numbers = {key: values.get(key, 0) for key in ("weight", "spread")}
        found += [f"{key} must be at least 0, got {it}" for key, it in numbers.items() if not 0 <= it < math.inf]
    if name == "folds" and (values.get("count", 0) < 0 or values.get("count") == 1):
        found.append(f"count must be 0 or at least 2, got {values['count']}")
    if name == "data" and len(set(values.get("classes", ()))) != len(values.get("classes", ())):
        found.append(f"classes must differ, got {list(values['classes'])}")
    return found


def _joint_problems(config: TrainConfig) -> list[str]:
    """Return which sections do not go together."""
    folds, training, projections = config.folds, config.training, config.input.view == "projections"
    validated = folds.count and folds.validation != "none"
    dark = config.input.normalisation == "foreground-gamma"
    faults = {
        "[folds] count = 0 and final = false leave nothing to train": not folds.count and not folds.final,
        "[folds] calibrate needs held-out images; count must be at least 2": folds.calibrate and not folds.count,
        "[training] patience needs folds with validation images; see [folds] count and validation": (
            training.patience is not None and not validated
        ),
        '[training] augmentation = "strong" needs [input] normalisation = "foreground-gamma"': (
            training.augmentation == "strong" and not dark
        ),
        "[network.settings] in_channels must be 1: slices are classified one by one": (
            config.network.settings.get("in_channels", 1) != 1
        ),
        "[input] spacing_mm is needed for projections, such as 2.0": projections and config.input.spacing_mm is None,
        f"[input] centre = {config.input.centre!r} is for slices; projections show the whole volume": (
            projections and config.input.centre != "volume"
        ),
    }
    return [sentence for sentence, wrong in faults.items() if wrong] + _localisation_faults(config)


def _localisation_faults(config: TrainConfig) -> list[str]:
    """Return what does not go together with the stages of localisation, or without them."""
    if config.parent is not None:
        return _parent_faults(config, config.parent)
    if not config.localisation.rounds:
        ignored = config.training.images_per_epoch is not None
        return ["[training] images_per_epoch needs [localisation] rounds of at least 1; leave it out"] * ignored
    faults = {
        '[localisation] needs [network] name = "dcfpn" with an encoder in [network.settings]': (
            config.network.name != "dcfpn" or not config.network.settings.get("encoder")
        ),
        '[localisation] needs [input] normalisation = "foreground-gamma": a dark background': (
            config.input.normalisation != "foreground-gamma"
        ),
        "[localisation] is for slices; [input] view must not be projections": config.input.view == "projections",
        "[objective] name must be cross-entropy with [localisation] rounds": config.objective.name != "cross-entropy",
        "[training] class_weights must be false with [localisation], which draws classes evenly": (
            config.training.class_weights
        ),
    }
    return [sentence for sentence, wrong in faults.items() if wrong]


def _parent_faults(config: TrainConfig, parent: Parent) -> list[str]:
    """Return what does not go together with the bundle that the training starts from."""
    name = parent.card.name
    faults = {
        f"[localisation] rounds must be 0: {name} is not a dcfpn on an encoder whose maps have reference levels": (
            config.localisation.rounds > 0 and not parent.has_stages
        ),
        "[objective] name must be cross-entropy for a training that starts from a bundle": (
            config.objective.name != "cross-entropy"
        ),
        "[training] class_weights must be false for a training that starts from a bundle, which draws classes evenly": (
            config.training.class_weights
        ),
        f"[model] name must differ from that of {name}, which the training starts from": config.model.name == name,
    }
    return [sentence for sentence, wrong in faults.items() if wrong]


def require_known_tumours(config: TrainConfig, classes: tuple[str, ...]) -> list[str]:
    """Return the tumour classes that the data lack, in sentences."""
    unknown = [name for name in config.model.tumour_classes if name not in classes]
    return [f"[model] tumour_classes has {name!r}, which no image has{did_you_mean(name, classes)}" for name in unknown]
