"""Findings: what every kind of localization tells those who show, write or judge it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..core import LabelMap, SettingsError, Volume
from ..models import ModelCard
from ..segment import Component, Threshold


class Findings(Protocol):
    """What a model saw in a volume, be it in slices or in projections."""

    @property
    def volume(self) -> Volume:
        """What was looked at."""
        ...

    @property
    def card(self) -> ModelCard:
        """Description of the model."""
        ...

    @property
    def view(self) -> str:
        """Plane of the slices, or ``projections``."""
        ...

    @property
    def device(self) -> str:
        """Where the network ran at the end."""
        ...

    @property
    def timings_s(self) -> Mapping[str, float]:
        """Seconds per step."""
        ...

    @property
    def scales(self) -> tuple[int, ...]:
        """Scales whose maps were kept, finest first."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done otherwise than asked, in sentences."""
        ...

    @property
    def image_kind(self) -> str:
        """What one image is called: ``slice`` or ``projection``."""
        ...

    @property
    def image_labels(self) -> Sequence[int | str]:
        """Index along the stored slice axis, or name of the plane, of each image."""
        ...

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Class probabilities of each image, shape (images, classes)."""
        ...

    @property
    def tumour_probabilities(self) -> NDArray[np.float32]:
        """Summed probability of the tumour classes of each image, shape (images,)."""
        ...

    @property
    def volume_probability(self) -> float:
        """Probability of a tumour anywhere in the volume, 0 to 1."""
        ...

    @property
    def class_probabilities(self) -> Mapping[str, float]:
        """Probability of each tumour class, given that there is a tumour; they sum to 1."""
        ...

    @property
    def tumour_probable(self) -> bool:
        """Whether the classifier holds a tumour anywhere in the volume for probable."""
        ...

    def verdict(self, located: bool) -> str:
        """Say in half a sentence what the classifier found, given whether the tumour was located."""
        ...

    def settings(
        self,
        *,
        scales: Iterable[int] | None = None,
        weights: Mapping[int, float] | None = None,
        normalisation: str | None = None,
        probability_limit: float | None = None,
    ) -> dict[str, Any]:
        """Return how the scales are fused."""
        ...

    def activation(
        self,
        scales: Iterable[int] | None = None,
        weights: Mapping[int, float] | None = None,
        *,
        normalisation: str | None = None,
        probability_limit: float | None = None,
    ) -> NDArray[np.float32]:
        """Return the activation of the volume in 0..1, shape ``volume.grid.shape_kji``."""
        ...

    def label_map(
        self,
        threshold: str | float | Threshold | None = None,
        scales: Iterable[int] | None = None,
        weights: Mapping[int, float] | None = None,
        *,
        min_volume_ml: float | None = None,
        keep_largest: int | None = None,
        normalisation: str | None = None,
        probability_limit: float | None = None,
    ) -> LabelMap:
        """Make a label map on the volume's grid."""
        ...

    def components(
        self, label_map: LabelMap | None = None, activation: NDArray[np.float32] | None = None
    ) -> tuple[Component, ...]:
        """List the connected components, largest first, with PET measures if the volume is a PET in SUV."""
        ...


def fusing_settings(
    card: ModelCard,
    available: tuple[int, ...],
    *,
    scales: Iterable[int] | None = None,
    weights: Mapping[int, float] | None = None,
    normalisation: str | None = None,
    probability_limit: float | None = None,
) -> dict[str, Any]:
    """Return how scales are fused: what is given, the model's defaults for the rest.

    Args:
        card: gives the defaults.
        available: scales whose maps were kept.
        scales: scales to fuse; those of ``weights``, or the model's own as far as they are available.
        weights: weight of each scale; a scale without one has the model's weight for it, or 1.
        normalisation: ``slice``, ``volume`` or ``reference``.
        probability_limit: images with a tumour probability below it contribute nothing, 0 to 1.

    Returns:
        ``scales``, ``weights``, ``normalisation`` and ``probability_limit``.

    Raises:
        SettingsError: scales that are not available.
    """
    own = tuple(scale for scale in card.scales if scale in available) or available
    chosen = sorted(set(scales if scales is not None else weights or own))
    if not chosen or set(chosen) - set(available):
        raise SettingsError(f"scales {chosen} asked for, the model has {available}")
    usual = dict(zip(card.scales, card.scale_weights, strict=False))
    return {
        "scales": tuple(chosen),
        "weights": {scale: float((weights or usual).get(scale, 1.0)) for scale in chosen},
        "normalisation": normalisation or card.map_normalisation,
        "probability_limit": card.probability_limit if probability_limit is None else probability_limit,
    }
