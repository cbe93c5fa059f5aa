"""What a model finds in one file of a table, beside the truth and the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import MM3_PER_ML, Volume
from ..io import read_volume
from ..io.names import ENDINGS, ending
from ..localizer import Localization, Localizer, ProjectionLocalization
from ..localizer.inference import has_content
from ..metrics import LesionCounts, count_lesions, dice, iou
from ..models import ModelCard
from ..training.table import Row
from ..views import acquisition_plane, plane_axes
from .baselines import baseline_mask
from .sources import read_mask

MODEL = "model"
SLICE, VOLUME = "slice", "volume"
NO_TUMOUR, ANY_TUMOUR = "none", "tumour"
PICTURES = ("PNG", "JPEG", "TIFF")  # formats that do not say in which plane the image lies


@dataclass(frozen=True)
class LabelledFile:
    """A file with its lines of the table.

    Args:
        path: of the image.
        rows: its lines: one for the whole file, or one per slice.
        mask: of the tumour, on the image's grid; None where there is none.
        site: where it comes from; empty if unknown.
        plane: of a picture; empty where the file itself tells it.
        view: plane in which the volume is sliced; empty for the one in which it was acquired.
    """

    path: Path
    rows: tuple[Row, ...]
    mask: Path | None = None
    site: str = ""
    plane: str = ""
    view: str = ""


@dataclass(frozen=True)
class Agreement:
    """A mask against the truth.

    Args:
        iou, dice: 0 to 1; 1 where both are empty.
        true_ml, found_ml: volumes in millilitres.
        counts: lesions and components.
    """

    iou: float
    dice: float
    true_ml: float
    found_ml: float
    counts: LesionCounts


@dataclass(frozen=True, eq=False)
class Assessment:
    """What a model finds in a slice or a volume, beside the truth.

    Args:
        kind: ``slice`` or ``volume``.
        file: where it comes from.
        index: of the slice in display order; None for a volume or a picture.
        patient: of the table.
        label: its class; ``none`` without a tumour, ``tumour`` for a tumour of unknown type.
        plane: of the slices; ``projections``; empty if unknown.
        tumour: whether it shows a tumour.
        probability: of a tumour, 0 to 1; of a volume as the localization gives it.
        found_class: the most probable class, in a volume that of its most suspicious slice, or of its projections.
        confidence: probability of that class.
        right: whether that class is the label; None where the label's type is unknown to the model.
        agreement: of the model and of each baseline with the truth; empty where the truth has no mask.
        fold: whose network was used; None where there is one for all.
    """

    kind: str
    file: LabelledFile
    index: int | None
    patient: str
    label: str
    plane: str
    tumour: bool
    probability: float
    found_class: str
    confidence: float
    right: bool | None
    agreement: Mapping[str, Agreement] = field(default_factory=dict)
    fold: int | None = None

    @property
    def name(self) -> str:
        """The table's own name of the case, with the number of the slice."""
        row = self.file.rows[0]
        return row.file if self.index is None else replace(row, slice=self.index).name


def is_tumour(label: str, card: ModelCard) -> bool:
    """Return whether a label of the table stands for a tumour."""
    return label in card.tumour_classes if label in card.classes else label == ANY_TUMOUR


def known_labels(card: ModelCard) -> tuple[str, ...]:
    """Return the labels that a table may have: the model's classes, ``none`` and ``tumour``."""
    return tuple(dict.fromkeys((*card.classes, NO_TUMOUR, ANY_TUMOUR)))


@dataclass(frozen=True, eq=False)
class LocalizedFile:
    """A volume with the truth and what was found.

    Args:
        volume: the image.
        localization: what the model found in it.
        found_kji: label map of the default settings, as a mask.
        truth_kji: true mask; None where it is unknown.
    """

    volume: Volume
    localization: Localization | ProjectionLocalization
    found_kji: NDArray[np.bool_]
    truth_kji: NDArray[np.bool_] | None


def localize_file(file: LabelledFile, localizer: Localizer) -> LocalizedFile:
    """Run a model on a file and read its mask; a file without one that shows no tumour has an empty one.

    Raises:
        CAMLocalizerError: as for `read_volume`, `read_mask` and `Localizer.run`.
    """
    volume = read_volume(file.path)
    truth = None if file.mask is None else read_mask(file.mask, volume.grid, file.path)
    if truth is None and not any(is_tumour(row.label, localizer.model.card) for row in file.rows):
        truth = np.zeros(volume.grid.shape_kji, dtype=bool)
    localization = localizer.run(volume, view=file.view or "auto")
    return LocalizedFile(volume, localization, localization.label_map().array_kji > 0, truth)


def assess_file(
    file: LabelledFile, localizer: Localizer, baselines: Sequence[str] = (), fold: int | None = None
) -> tuple[list[Assessment], tuple[str, ...]]:
    """Assess the slices of a file, and the file as a volume where it has several.

    A line for a slice gives that slice. A line for a whole volume gives the volume and, where its truth is known, every
    slice that is not blank; models of projections give the volume alone. Slices labelled one by one give the volume as
    well if it has a mask, which is taken to cover all of it.

    Args:
        file: to assess, checked by :func:`~CAMLocalizerLib.evaluation.labelled_files.check_files`.
        localizer: the model.
        baselines: names of :data:`~CAMLocalizerLib.evaluation.baselines.BASELINES` to compare with.
        fold: whose network it is, to be noted.

    Returns:
        The assessments, and what had to be assumed, in sentences.

    Raises:
        CAMLocalizerError: as for :func:`localize_file`.
    """
    seen = localize_file(file, localizer)
    assessor = _FileAssessor(file, localizer.model.card, seen, tuple(baselines), fold)
    found = [] if isinstance(seen.localization, ProjectionLocalization) else list(assessor.slices())
    usual = file.view in ("", acquisition_plane(seen.volume.grid))  # in other planes a volume does not count again
    if usual and min(seen.volume.grid.size) > 1 and (assessed := assessor.volume()) is not None:
        found.append(assessed)
    return found, seen.localization.notes


@dataclass(frozen=True, eq=False)
class _FileAssessor:
    """Assesses the slices of one file and the file as a volume."""

    file: LabelledFile
    card: ModelCard
    seen: LocalizedFile
    baselines: tuple[str, ...]
    fold: int | None

    def slices(self) -> list[Assessment]:
        axes = plane_axes(self.seen.volume.grid, self.seen.localization.view)
        images = axes.as_slices(self.seen.volume.array_kji)
        founds = axes.as_slices(self.seen.found_kji)
        truths = None if self.seen.truth_kji is None else axes.as_slices(self.seen.truth_kji)
        present = has_content(images)
        return [
            self._slice(row, index, images[index], founds[index], None if truths is None else truths[index])
            for row in self.file.rows
            for index in self._indices(row, present)
        ]

    def _indices(self, row: Row, present: NDArray[np.bool_]) -> list[int]:
        if row.slice is None and len(present) > 1:
            return [] if self.seen.truth_kji is None else np.flatnonzero(present).tolist()
        return [row.slice or 0]

    def _slice(
        self, row: Row, index: int, image: NDArray, found: NDArray[np.bool_], truth: NDArray[np.bool_] | None
    ) -> Assessment:
        probabilities = self.seen.localization.probabilities[index]
        several = min(self.seen.volume.grid.size) > 1
        by_mask = row.slice is None and several  # the table labels the volume, its mask the slices
        label = NO_TUMOUR if by_mask and truth is not None and not truth.any() else row.label
        if truth is None and not is_tumour(label, self.card):
            truth = np.zeros(found.shape, dtype=bool)
        return self._assessment(SLICE, row, label, index if several else None, probabilities, image, found, truth)

    def volume(self) -> Assessment | None:
        """Assess the whole volume; None where only some of its slices are labelled and there is no mask."""
        row, truth = self.file.rows[0], self.seen.truth_kji
        label = row.label
        if row.slice is not None:
            if self.file.mask is None or truth is None or not truth.any():
                return None
            label = next((row.label for row in self.file.rows if is_tumour(row.label, self.card)), ANY_TUMOUR)
        probabilities = self.seen.localization.probabilities
        if isinstance(self.seen.localization, ProjectionLocalization):
            row_of_classes = probabilities.mean(axis=0)
        else:
            row_of_classes = probabilities[int(self.seen.localization.tumour_probabilities.argmax())]
        image, found = self.seen.volume.array_kji, self.seen.found_kji
        assessed = self._assessment(VOLUME, row, label, None, row_of_classes, image, found, truth)
        return replace(assessed, probability=self.seen.localization.volume_probability)

    def _assessment(
        self,
        kind: str,
        row: Row,
        label: str,
        index: int | None,
        probabilities: NDArray[np.float32],
        image: NDArray,
        found: NDArray[np.bool_],
        truth: NDArray[np.bool_] | None,
    ) -> Assessment:
        best = int(probabilities.argmax())
        tumours = [self.card.classes.index(name) for name in self.card.tumour_classes]
        tumour = is_tumour(label, self.card)
        agreement = {} if truth is None or truth.any() != tumour else self._agreement(image, found, truth)
        picture = not self.file.plane and ENDINGS.get(ending(self.file.path)) in PICTURES
        return Assessment(
            kind=kind,
            file=self.file,
            index=index,
            patient=row.patient,
            label=label,
            plane="" if picture else self.file.plane or self.seen.localization.view,
            tumour=tumour,
            probability=float(np.clip(probabilities[tumours].sum(), 0, 1)),
            found_class=self.card.classes[best],
            confidence=float(np.clip(probabilities[best], 0, 1)),
            right=self._right(label, self.card.classes[best]),
            agreement=agreement,
            fold=self.fold,
        )

    def _right(self, label: str, found: str) -> bool | None:
        if label in self.card.classes:
            return found == label
        return found in self.card.other_classes if label == NO_TUMOUR and self.card.other_classes else None

    def _agreement(self, image: NDArray, found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> dict[str, Agreement]:
        masks = {MODEL: found} | {name: baseline_mask(name, image) for name in self.baselines}
        voxel_ml = self.seen.volume.grid.voxel_volume_mm3 / MM3_PER_ML
        return {name: agreement(truth, mask, voxel_ml) for name, mask in masks.items()}


def agreement(truth: NDArray[np.bool_], found: NDArray[np.bool_], voxel_ml: float) -> Agreement:
    """Compare a mask with the truth.

    Args:
        truth: true mask.
        found: mask of the same shape.
        voxel_ml: volume of a voxel in millilitres.
    """
    return Agreement(
        iou(truth, found),
        dice(truth, found),
        float(truth.sum() * voxel_ml),
        float(found.sum() * voxel_ml),
        count_lesions(truth, found),
    )
