"""What a model requires of a volume."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from ..core import InputError, Volume
from ..models import ModelCard
from ..views import MAX_SUV, ProjectionPair, SliceStack, image_statistics, normalise_slices, sampled_images

MAGNETIC_RESONANCE = re.compile(r"\bMRI?\b|magnetic resonance", re.IGNORECASE)
OTHER_MODALITIES = {"HU": "CT", "SUVbw": "PET"}
MOST_NEGATIVE = 0.2  # of the highest value, in a PET whose scatter was corrected too much
LEAST_OF_HIGHEST = 0.01  # what lies below is air
POSSIBLE_MEDIAN, POSSIBLE_HIGHEST = (0.05, 15.0), 500.0  # SUV of a body's median voxel, and of its hottest one
USUAL_MEDIAN = 0.8


def check_unit(volume: Volume, card: ModelCard) -> list[str]:
    """Compare the unit of the voxels with the one that the model needs.

    Args:
        volume: input of the model.
        card: names the unit, or none where any will do.

    Returns:
        A sentence if the unit had to be assumed, or if it is that of a CT or PET and the model was made for MR.

    Raises:
        InputError: the voxels are in another unit.
    """
    if not card.unit and volume.unit in OTHER_MODALITIES and MAGNETIC_RESONANCE.search(card.modality):
        other = OTHER_MODALITIES[volume.unit]
        return [f"the image does not look like {card.modality}: its values are in {volume.unit}, as those of {other}"]
    if not card.unit or volume.unit == card.unit:
        return []
    if not volume.unit:
        return [f"the file of {volume.name} names no unit: its values were taken for {card.unit}"]
    raise InputError(
        f"{volume.name}: voxels are in {volume.unit}, model {card.name} needs {card.unit}; give a PET in {card.unit} "
        "or use another model"
    )


def standardised(volume: Volume, card: ModelCard) -> tuple[Volume, float, list[str]]:
    """Bring a PET in any unit to values as high as standardised uptake values.

    Args:
        volume: input of the model.
        card: names the unit.

    Returns:
        The volume in the model's unit, what its values were multiplied by, and sentences on what was assumed.

    Raises:
        InputError: voxels in another unit that is not that of a PET, negative ones as in a CT, or none above 0.
    """
    if volume.unit == card.unit:
        return volume, 1.0, []
    if volume.unit in OTHER_MODALITIES:
        raise InputError(
            f"{volume.name}: voxels are in {volume.unit}, as those of {OTHER_MODALITIES[volume.unit]}; model "
            f"{card.name} needs a PET"
        )
    values = volume.array_kji
    lowest, highest = float(values.min()), float(values.max())
    if lowest < -MOST_NEGATIVE * max(highest, 0.0):
        raise InputError(
            f"{volume.name}: values go from {lowest:.4g} to {highest:.4g}, which no PET does; model {card.name} needs "
            "a PET"
        )
    usual = float(np.median(values[values > LEAST_OF_HIGHEST * highest]))
    if not volume.unit and POSSIBLE_MEDIAN[0] <= usual <= POSSIBLE_MEDIAN[1] and highest <= POSSIBLE_HIGHEST:
        note = f"the file of {volume.name} names no unit: its values were taken for {card.unit}"
        return replace(volume, unit=card.unit), 1.0, [note]
    factor = USUAL_MEDIAN / usual
    unit = f"are in {volume.unit}" if volume.unit else f"have no unit and go up to {highest:.4g}, which no SUV does"
    note = (
        f"the voxels of {volume.name} {unit}: they were scaled so that their usual uptake is {USUAL_MEDIAN}; "
        "probabilities and borders are less certain than with SUV"
    )
    return replace(volume, array_kji=values * np.float32(factor), unit=card.unit), factor, [note]


def check_extent(volume: Volume, card: ModelCard, cell_mm: float) -> None:
    """Refuse what has no projections, or fewer than one feature cell of them.

    Args:
        volume: what is to be projected.
        card: of the model.
        cell_mm: edge of a feature cell.

    Raises:
        InputError: a single image, or a volume thinner than a cell.
    """
    if min(volume.grid.size) == 1:
        raise InputError(
            f"{volume.name}: is a single image; model {card.name} uses projections and needs a volume of slices"
        )
    extent = [n * mm for n, mm in zip(volume.grid.size, volume.grid.spacing_mm, strict=True)]
    if min(extent) < cell_mm:
        measures = " x ".join(f"{mm:.0f}" for mm in extent)
        raise InputError(
            f"{volume.name}: covers {measures} mm, less than one feature cell of {cell_mm:.0f} mm of model {card.name}"
        )


def check_uptake(pair: ProjectionPair, card: ModelCard) -> list[str]:
    """Tell whether the values of projections can be standardised uptake values.

    Args:
        pair: the projections.
        card: of the model.

    Returns:
        A sentence if half of the foreground is cut off by the model's normalisation.
    """
    if card.normalisation != "suv-30":
        return []
    images = pair.images
    foreground = images[images > images.mean(dtype=np.float64)]
    if not foreground.size or np.median(foreground) <= MAX_SUV:
        return []
    return [
        f"most of {pair.volume.name} lies above {MAX_SUV:.0f}, up to {images.max():.4g}: these are hardly "
        "standardised uptake values, and the result means nothing unless they are"
    ]


def check_typical(stack: SliceStack | ProjectionPair, card: ModelCard) -> list[str]:
    """Tell whether images look like those that the model was trained on.

    Args:
        stack: slices or projections of a volume; a few of them are measured.
        card: gives limits of the statistics, or none.

    Returns:
        A sentence that names what is beyond the limits, if anything is.
    """
    if not card.typical:
        return []
    images = np.concatenate([stack.batch(index, index + 1) for index in sampled_images(len(stack))])
    found = image_statistics(normalise_slices(images, card.normalisation))
    limits = {name: card.typical[name] for name in found if name in card.typical}
    beyond = [
        f"{name.replace('_', ' ')} {found[name]:.2g} instead of {low:.2g} to {high:.2g}"
        for name, (low, high) in limits.items()
        if not low <= found[name] <= high
    ]
    return [f"the image does not look like {card.modality}: {', '.join(beyond)}"] if beyond else []
