"""ModelCard: intended input of a classifier and settings for its maps."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..core import ModelError
from ..option_names import MAP_NORMALISATIONS, MAPS, REFINEMENTS
from ..views import CENTRES, NORMALISATIONS, PIXELS_PER_CELL, PLANES, PROJECTIONS, STATISTICS

SCHEMA_VERSION = 1
TARGETS = ("margin", "class", "any")
UPTAKE_BORDER = "41%"
UPTAKE_BORDERS = r"adaptive|liver|(\d+\.?\d*|\.\d+)%|suv(\d+\.?\d*|\.\d+)"


@dataclass(frozen=True)
class ModelCard:
    """The description of a model bundle, kept as ``model.json``.

    Args:
        name: lower-case letters, digits, dots, dashes and underscores; also the folder's name.
        version: version of the weights.
        network: a key of :data:`CAMLocalizerLib.networks.NETWORKS`.
        modality: required type of image, as text.
        spacing_mm: in-plane spacing of the network's input; positive.
        size: width and height of the network's input in pixels; for projections the minimum, in multiples of 16.
        normalisation: name of the intensity normalisation of each slice.
        classes: class names in the order of the outputs.
        tumour_classes: the ``classes`` that are tumours.
        scales: scales to fuse by default; 1 is the finest.
        title: tumours and images in a few words, for lists of models; the name and the modality if empty.
        centre: in-plane centre of the slices: ``volume``, or ``content`` for the bounding box of the foreground.
        temperature: divisor of the logits before the softmax, above 0; 1 changes nothing.
        stack_smoothing_mm: standard deviation of the Gaussian that smooths log-probabilities and maps over neighbouring
            slices, at least 0; 0 means no smoothing and is required for projections.
        network_settings: keyword arguments of the network's constructor.
        views: planes that the model was trained on; coronal and sagittal for projections.
        scale_weights: weight of each of ``scales``; empty for equal weights.
        target: target of the maps: ``margin`` is the score of the tumour class minus that of the no-tumour class,
            ``class`` the score of the tumour class alone, ``any`` the mean score of all tumour classes minus that of
            the others, so that a wrong tumour type does not change the map.
        map: a key of :data:`CAMLocalizerLib.cam.METHODS`; ``pg-cam`` is Grad-CAM of every scale.
        threshold: default threshold of the fused map: fraction, fraction/255, percentile or ``otsu``.
        map_normalisation: ``slice`` or ``volume`` divide each scale's map by its maximum in the slice or volume;
            ``reference`` divides the maps by ``map_levels``.
        map_levels: reference level of each scale's raw map, positive; required only for ``reference``.
        probability_limit: slices with a lower tumour probability are ignored, 0 to 1.
        min_volume_ml: smaller components are dropped, at least 0.
        min_share: components below this fraction of the largest volume are dropped, 0 to 1, and 0 for projections.
        min_extent_mm: components with a smaller extent across the slices are dropped, unless they touch the first or
            last slice; at least 0, and 0 for projections.
        refinement: refinement of borders to image edges: ``none``, ``random-walk`` or ``geodesic``; ``none`` for
            projections.
        projections: whether the input is the coronal and the sagittal maximum intensity projection of a volume instead
            of its slices.
        candidates: whether the network classifies uptake candidates by their projections; requires ``projections``.
        uptake_border: for projections, lower limit of uptake of tumour voxels: ``adaptive``, a fraction of the maximum
            uptake (default ``41%``), ``suv2.5`` or ``liver``. Empty for slices.
        unit: required unit of the voxels, such as ``SUVbw``; empty for any.
        typical: lower and upper limits of statistics of the training images, see :func:`image_statistics`; volumes
            outside them get a note. Empty for no limits.
        training_data: origin and licence of the training images, as text.
        parent: name, version and checksum of the bundle that the training started from, and whether it lists all its
            training images; empty for fresh weights.
        training_images: fingerprints of the images that the model learnt from, see :func:`~CAMLocalizerLib.io.hashing.
            voxel_fingerprint`; empty where they are not known.
        licence: licence of the weights, as text.
        results: evaluation results, nested JSON values.
        intended_use: intended use, as text.
        limits: images that the model was not trained on or fails on, as text.
        sha256: checksum of ``weights.safetensors``, hexadecimal; empty until the weights are saved.
        schema_version: version of the card's schema.

    Raises:
        ModelError: a field that is missing, of the wrong type or out of range.
    """

    name: str
    version: str
    network: str
    modality: str
    spacing_mm: float
    size: tuple[int, int]
    normalisation: str
    classes: tuple[str, ...]
    tumour_classes: tuple[str, ...]
    scales: tuple[int, ...]
    title: str = ""
    centre: str = "volume"
    temperature: float = 1.0
    stack_smoothing_mm: float = 0.0
    network_settings: Mapping[str, Any] = field(default_factory=dict)
    views: tuple[str, ...] = PLANES
    scale_weights: tuple[float, ...] = ()
    target: str = "margin"
    map: str = "pg-cam"
    threshold: str = "0.4"
    map_normalisation: str = "slice"
    map_levels: Mapping[int, float] = field(default_factory=dict)
    probability_limit: float = 0.0
    min_volume_ml: float = 0.0
    min_share: float = 0.0
    min_extent_mm: float = 0.0
    refinement: str = "none"
    projections: bool = False
    candidates: bool = False
    uptake_border: str = ""
    unit: str = ""
    typical: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    training_data: str = ""
    licence: str = ""
    results: Mapping[str, Any] = field(default_factory=dict)
    parent: Mapping[str, str] = field(default_factory=dict)
    training_images: tuple[str, ...] = ()
    intended_use: str = ""
    limits: str = ""
    sha256: str = ""
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        try:
            self._convert()
        except (TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"model card {self.name!r} has a field of the wrong type: {error}") from error
        self._check_words()
        self._check_classes()
        self._check_numbers()
        self._check_projections()

    def _convert(self) -> None:
        kinds: dict[str, type] = {"size": int, "scales": int, "scale_weights": float}
        kinds |= dict.fromkeys(("classes", "tumour_classes", "views", "training_images"), str)
        for name, kind in kinds.items():
            values = getattr(self, name)
            if isinstance(values, str):
                raise TypeError(f"{name} must be a list, got {values!r}")
            object.__setattr__(self, name, tuple(kind(value) for value in values))
        for name in (entry.name for entry in fields(self) if entry.type == "float"):
            object.__setattr__(self, name, float(getattr(self, name)))
        levels = {int(scale): float(level) for scale, level in self.map_levels.items()}
        object.__setattr__(self, "map_levels", levels)
        typical = {str(name): (float(low), float(high)) for name, (low, high) in self.typical.items()}
        object.__setattr__(self, "typical", typical)
        object.__setattr__(self, "threshold", str(self.threshold))
        for name in ("network_settings", "results", "parent"):
            object.__setattr__(self, name, dict(getattr(self, name)))
        self._convert_projections()

    def _convert_projections(self) -> None:
        if self.projections is True:
            object.__setattr__(self, "uptake_border", self.uptake_border or UPTAKE_BORDER)
            object.__setattr__(self, "views", PROJECTIONS if set(self.views) == set(PLANES) else self.views)

    def _require(self, correct: bool, field_name: str, expected: str) -> None:
        if not correct:
            value = getattr(self, field_name)
            raise ModelError(f"model card {self.name!r}: {field_name} must be {expected}, got {value!r}")

    def _check_words(self) -> None:
        for name in (entry.name for entry in fields(self) if entry.type == "str"):
            self._require(isinstance(getattr(self, name), str), name, "text")
        plain = re.fullmatch(r"[a-z0-9][a-z0-9._-]*", self.name) is not None
        self._require(plain, "name", "lower-case letters, digits, dots, dashes and underscores")
        for name in ("version", "network", "modality", "threshold"):
            self._require(bool(getattr(self, name).strip()), name, "given")
        self._require(re.fullmatch(r"(?:[0-9a-f]{64})?", self.sha256) is not None, "sha256", "64 hexadecimal digits")
        self._require(self.schema_version == SCHEMA_VERSION, "schema_version", f"{SCHEMA_VERSION} in this release")
        self._require(self.target in TARGETS, "target", f"one of {TARGETS}")
        self._require(self.map in MAPS, "map", f"one of {MAPS}")
        self._require(self.normalisation in NORMALISATIONS, "normalisation", f"one of {tuple(NORMALISATIONS)}")
        self._require(self.centre in CENTRES, "centre", f"one of {CENTRES}")
        self._require(self.refinement in REFINEMENTS, "refinement", f"one of {REFINEMENTS}")
        normalised = self.map_normalisation in MAP_NORMALISATIONS
        self._require(normalised, "map_normalisation", f"one of {MAP_NORMALISATIONS}")
        views = bool(self.views) and set(self.views) <= set(PLANES) and len(set(self.views)) == len(self.views)
        self._require(views, "views", f"one or more of {PLANES}, each once")

    def _check_classes(self) -> None:
        several = len(self.classes) >= 2 and len(set(self.classes)) == len(self.classes)
        self._require(several, "classes", "two or more different names")
        known = bool(self.tumour_classes) and set(self.tumour_classes) <= set(self.classes)
        self._require(known, "tumour_classes", f"one or more of {self.classes}")
        margin = self.target == "class" or bool(self.other_classes)
        self._require(margin, "target", "'class' where every class is a tumour")

    def _check_numbers(self) -> None:
        self._require(math.isfinite(self.spacing_mm) and self.spacing_mm > 0, "spacing_mm", "positive")
        self._require(len(self.size) == 2 and min(self.size, default=0) > 0, "size", "width and height in pixels")
        self._require(0 < self.temperature < math.inf, "temperature", "above 0")
        self._require(0 <= self.stack_smoothing_mm < math.inf, "stack_smoothing_mm", "at least 0")
        scales = bool(self.scales) and min(self.scales) >= 1 and len(set(self.scales)) == len(self.scales)
        self._require(scales, "scales", "one or more different whole numbers from 1")
        weights = len(self.scale_weights) in (0, len(self.scales)) and _positive(self.scale_weights)
        self._require(weights, "scale_weights", f"empty or {len(self.scales)} positive numbers, one per scale")
        levels = self.map_normalisation != "reference" or set(self.map_levels) >= set(self.scales)
        self._require(levels and _positive(self.map_levels.values()), "map_levels", "positive, one for each of scales")
        self._require(0 <= self.probability_limit <= 1, "probability_limit", "0 to 1")
        self._require(0 <= self.min_volume_ml < math.inf, "min_volume_ml", "at least 0")
        known = set(self.typical) <= set(STATISTICS) and all(low <= high for low, high in self.typical.values())
        self._require(known, "typical", f"a low and a high limit for some of {STATISTICS}")
        self._require(0 <= self.min_extent_mm < math.inf, "min_extent_mm", "at least 0")
        self._require(0 <= self.min_share <= 1, "min_share", "0 to 1")

    def _check_projections(self) -> None:
        self._require(isinstance(self.projections, bool), "projections", "true or false")
        self._require(isinstance(self.candidates, bool), "candidates", "true or false")
        if not self.projections:
            self._require(not self.candidates, "candidates", "false for models of slices")
            self._require(not self.uptake_border, "uptake_border", "empty for models of slices")
            return
        known = re.fullmatch(UPTAKE_BORDERS, self.uptake_border) is not None
        self._require(known, "uptake_border", "'adaptive', a share ('41%'), an SUV ('suv2.5') or 'liver'")
        self._require(set(self.views) == set(PROJECTIONS), "views", f"{PROJECTIONS} for projections")
        self._require(self.centre == "volume", "centre", "'volume' for projections")
        self._require(self.stack_smoothing_mm == 0, "stack_smoothing_mm", "0 for projections")
        self._require(self.min_extent_mm == 0, "min_extent_mm", "0 for projections")
        self._require(self.min_share == 0, "min_share", "0 for projections")
        self._require(self.refinement == "none", "refinement", "'none' for projections")
        whole = all(pixels % PIXELS_PER_CELL == 0 for pixels in self.size)
        self._require(whole, "size", f"in multiples of {PIXELS_PER_CELL} pixels for projections")

    @property
    def label(self) -> str:
        """What lists of models call it: the title, or the name and the modality."""
        return self.title or f"{self.name} ({self.modality})"

    @property
    def other_classes(self) -> tuple[str, ...]:
        """Classes that are not tumours."""
        return tuple(name for name in self.classes if name not in self.tumour_classes)

    def to_json(self) -> str:
        """Return the text of ``model.json``.

        Raises:
            ModelError: a setting or result that JSON cannot hold.
        """
        values = {"schema_version": self.schema_version} | asdict(self)
        try:
            return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"model card {self.name!r} contains a value that JSON cannot represent: {error}"
            ) from error

    @classmethod
    def read(cls, path: Path) -> ModelCard:
        """Read and check ``model.json``.

        Raises:
            ModelError: the file is missing, is not a JSON object, has another schema version, lacks a field, or has an
                unknown field or a value out of range.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ModelError(f"{path} is missing: {path.parent} is not a complete model bundle") from error
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} cannot be read as JSON ({error}); get the bundle again") from error
        if not isinstance(values, dict):
            raise ModelError(f"{path} must hold one JSON object, got {type(values).__name__}")
        if values.get("schema_version") != SCHEMA_VERSION:
            got = values.get("schema_version")
            raise ModelError(
                f"{path} has schema version {got}, this release reads {SCHEMA_VERSION}; update the bundle or "
                "CAMLocalizer"
            )
        _convert_old_fields(values)
        _check_keys(values, path)
        try:
            return cls(**values)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error


def _convert_old_fields(values: dict[str, Any]) -> None:
    """Convert fields that were renamed after version 0.1."""
    share = values.pop("uptake_fraction", None)
    if isinstance(share, int | float):
        values.setdefault("uptake_border", f"{100 * share:g}%")


def _check_keys(values: Mapping[str, Any], path: Path) -> None:
    known = {entry.name for entry in fields(ModelCard)}
    optional = {
        entry.name
        for entry in fields(ModelCard)
        if entry.default is not MISSING or entry.default_factory is not MISSING
    }
    if unknown := sorted(set(values) - known):
        raise ModelError(f"{path} has unknown fields {unknown}; correct their names or update CAMLocalizer")
    if missing := sorted(known - optional - set(values)):
        raise ModelError(f"{path} lacks the fields {missing}; get the bundle again")


def _positive(values: Any) -> bool:
    return all(math.isfinite(value) and value > 0 for value in values)
