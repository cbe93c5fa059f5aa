"""Components with what a PET says of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..core import SuvMeasures, Volume, is_suv
from ..segment import Component, Regions

if TYPE_CHECKING:
    from ..measure import SuvMeter


def measured_components(regions: Regions, volume: Volume, meter: SuvMeter | None = None) -> tuple[Component, ...]:
    """List regions, with SUVmax, SUVmean, SUVpeak, MTV and TLG if the volume is a PET in SUV.

    Args:
        regions: on the volume's grid.
        volume: what the model saw.
        meter: of this volume, where regions are measured again and again; a new one if not given.

    Returns:
        The regions, largest first; those of any other volume have no ``suv``.
    """
    if not is_suv(volume) or not len(regions):
        return regions.components
    from ..measure import SuvMeter  # only here: it takes long to import

    voxels, region = regions.voxels_and_regions
    found = (meter or SuvMeter(volume)).lesions(voxels, region, len(regions))
    return tuple(replace(entry, suv=suv) for entry, suv in zip(regions.components, found, strict=True))


def suv_total(components: Iterable[Component], volume: Volume) -> SuvMeasures | None:
    """Put the PET measures of components together; None unless the volume is a PET in SUV.

    Args:
        components: those to count, from :func:`measured_components` of this volume.
        volume: what the model saw.
    """
    if not is_suv(volume):
        return None
    return SuvMeasures.total([entry.suv for entry in components if entry.suv is not None])
