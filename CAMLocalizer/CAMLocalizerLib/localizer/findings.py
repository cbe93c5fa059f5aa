"""Findings: what every kind of localization tells those who show, write or judge it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..core import LabelMap, Volume
from ..models import ModelCard
from ..segment import Component
from .label_settings import LabelSettings, check_suits


class Findings(Protocol):
    """What a model saw in a volume, be it in slices or in projections."""

    @property
    def volume(self) -> Volume:
        """The volume that the model saw."""
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

    def summary(self, located: bool) -> str:
        """Say in half a sentence what the classifier found, given whether the tumour was located."""
        ...

    def default_settings(self) -> LabelSettings:
        """Return the model's own settings, complete."""
        ...

    def activation(self, settings: LabelSettings | None = None, **changes: Any) -> NDArray[np.float32]:
        """Return the activation of the volume in 0..1, shape ``volume.grid.shape_kji``.

        Args:
            settings: what to do otherwise than the model does.
            changes: fields of :class:`LabelSettings` to set otherwise than ``settings``, by name.
        """
        ...

    def label_map(self, settings: LabelSettings | None = None, **changes: Any) -> LabelMap:
        """Make a label map on the volume's grid; arguments as for :meth:`activation`."""
        ...

    def components(
        self, label_map: LabelMap | None = None, activation: NDArray[np.float32] | None = None
    ) -> tuple[Component, ...]:
        """List the connected components, largest first, with PET measures if the volume is a PET in SUV."""
        ...


def complete_settings(
    found: Findings, settings: LabelSettings | None = None, changes: Mapping[str, Any] | None = None
) -> LabelSettings:
    """Return settings with the model's own in every field that was left out.

    Args:
        found: what the model saw.
        settings: what to do otherwise than the model does.
        changes: fields of :class:`LabelSettings` to set otherwise, by name.

    Raises:
        SettingsError: a field that does not exist, a value out of range, or settings that do not fit the model.
    """
    given = LabelSettings.of({**(vars(settings) if settings else {}), **(changes or {})})
    check_suits(given, found.card)
    return given.completed(found.default_settings())
