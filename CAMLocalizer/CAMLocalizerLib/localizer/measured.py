"""Components with what a PET says of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..core import SuvMeasures, Volume, is_suv
from ..segment import Component, ComponentSet

if TYPE_CHECKING:
    from ..measure import SuvMeter


def measured_components(
    component_set: ComponentSet, volume: Volume, meter: SuvMeter | None = None
) -> tuple[Component, ...]:
    """List components, with SUVmax, SUVmean, SUVpeak, MTV and TLG if the volume is a PET in SUV.

    Args:
        component_set: on the volume's grid.
        volume: what the model saw.
        meter: of this volume, where components are measured again and again; a new one if not given.

    Returns:
        The components, largest first; those of any other volume have no ``suv``.
    """
    if not is_suv(volume) or not len(component_set):
        return component_set.components
    from ..measure import SuvMeter  # only here: it takes long to import

    voxels, component = component_set.voxels_and_components
    found = (meter or SuvMeter(volume)).lesions(voxels, component, len(component_set))
    return tuple(replace(entry, suv=suv) for entry, suv in zip(component_set.components, found, strict=True))


def suv_total(components: Iterable[Component], volume: Volume) -> SuvMeasures | None:
    """Put the PET measures of components together; None unless the volume is a PET in SUV.

    Args:
        components: those to count, from :func:`measured_components` of this volume.
        volume: what the model saw.
    """
    if not is_suv(volume):
        return None
    return SuvMeasures.total([entry.suv for entry in components if entry.suv is not None])
