"""Baselines: the masks that a user gets from plain thresholds, without a model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..core import SettingsError, label_components
from ..models import ModelCard
from ..segment.otsu import otsu

LARGEST_BRIGHT, SUV_4, SUV_2_5, PERCENT_41 = "largest-bright", "suv-4", "suv-2.5", "41%"
BASELINES = (LARGEST_BRIGHT, SUV_4, SUV_2_5, PERCENT_41)
HEAD_FRACTION = 0.5  # of Otsu's threshold: what is above belongs to the head
RIM = 0.15  # of the side of the head's box
LEVELS = 256


def default_baselines(card: ModelCard) -> tuple[str, ...]:
    """Choose what a model is compared with: this is the one place that decides it.

    A model whose voxels are standardised uptake values is compared with SUV >= 4, SUV >= 2.5 and 41 % of the maximum;
    one whose modality begins with ``MR`` with the largest bright component; any other one with nothing.
    """
    if card.unit.upper().startswith("SUV"):
        return SUV_4, SUV_2_5, PERCENT_41
    return (LARGEST_BRIGHT,) if card.modality.upper().startswith("MR") else ()


def check_baselines(names: tuple[str, ...]) -> None:
    """Refuse names of baselines that are not known.

    Raises:
        SettingsError: a name that is not one of :data:`BASELINES`.
    """
    for name in names:
        if name not in BASELINES:
            raise SettingsError(f"baseline must be one of {', '.join(BASELINES)}, got {name!r}")


def baseline_mask(name: str, image: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Mark a tumour by a plain rule.

    Args:
        name: one of :data:`BASELINES`.
        image: a slice or a volume; SUV for all but ``largest-bright``.

    Returns:
        Mask of the same shape.

    Raises:
        SettingsError: another name.

    Source:
        41 % of the maximum: Boellaard et al., EANM procedure guidelines for tumour PET imaging 2.0, Eur J Nucl Med Mol
        Imaging 42:328-354, 2015.
    """
    check_baselines((name,))
    if name == LARGEST_BRIGHT:
        return largest_bright(image)
    level = {SUV_4: 4.0, SUV_2_5: 2.5, PERCENT_41: 0.41 * float(image.max())}[name]
    return image >= level


def largest_bright(image: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Mark the largest bright component of a head.

    The head is what is brighter than half of Otsu's threshold. Of the box around its largest component a rim of 15 %
    is left out at each side, because scalp and marrow are brighter than most tumours and would always be the answer.
    Bright is what lies above Otsu's threshold of the head's intensities in the remaining box. Voxels that share a
    corner are connected.

    Args:
        image: a slice or a volume of a head, darkest in the air; any shape.

    Returns:
        Mask of the same shape; empty for an image of one value.
    """
    above = image - image.min()
    if not above.any():
        return np.zeros(image.shape, dtype=bool)
    head = above > HEAD_FRACTION * _otsu_level(above)
    box = tuple(_without_rim(side) for side in ndimage.find_objects(_largest(head).view(np.uint8))[0])
    inner = head[box]
    bright = np.zeros(image.shape, dtype=bool)
    if inner.any():
        bright[box] = inner & (above[box] > _otsu_level(above[box][inner]))
    return _largest(bright)


def _without_rim(side: slice) -> slice:
    rim = round(RIM * (side.stop - side.start)) if side.stop - side.start > 1 else 0
    return slice(side.start + rim, side.stop - rim)


def _otsu_level(values: NDArray[np.float32]) -> float:
    counts, edges = np.histogram(values, LEVELS)
    return otsu(counts, (edges[:-1] + edges[1:]) / 2)


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = label_components(mask)
    if not count:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest: NDArray[np.bool_] = labels == sizes.argmax()
    return largest
