"""Growth: change of volume over time, and doubling time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core import InputError


@dataclass(frozen=True)
class Change:
    """How a volume changed between two dates.

    Args:
        days: between them, above 0.
        absolute_ml: later less earlier volume.
        relative: the same as a share of the earlier volume; None where that was 0.
        doubling_days: time in which the volume would double at this pace; negative for the time in which it would
            halve; None where a volume is 0 or nothing changed.
    """

    days: float
    absolute_ml: float
    relative: float | None
    doubling_days: float | None


def change_between(days: float, earlier_ml: float, later_ml: float) -> Change:
    """Compare two volumes.

    Args:
        days: between them.
        earlier_ml: at least 0.
        later_ml: at least 0.

    Raises:
        InputError: no time between them, or a negative volume.

    Source:
        Schwartz, A biomathematical approach to clinical tumor growth, Cancer 14:1272-1294, 1961: exponential growth.
    """
    if not days > 0:
        raise InputError(f"exams must lie apart in time, got {days} days")
    if min(earlier_ml, later_ml) < 0:
        raise InputError(f"volumes must be at least 0 ml, got {earlier_ml} and {later_ml}")
    absolute = later_ml - earlier_ml
    relative = absolute / earlier_ml if earlier_ml else None
    return Change(days, absolute, relative, doubling_days([0.0, days], [earlier_ml, later_ml]))


def doubling_days(days: Sequence[float], volumes_ml: Sequence[float]) -> float | None:
    """Fit exponential growth to volumes by least squares of their logarithms.

    Args:
        days: of each exam.
        volumes_ml: of each exam; those of 0 are left out.

    Returns:
        Time of doubling in days, negative for halving; None with fewer than two volumes above 0, or without any change.

    Raises:
        InputError: another number of days than volumes.
    """
    if len(days) != len(volumes_ml):
        raise InputError(f"{len(days)} days and {len(volumes_ml)} volumes given; one of each per exam is expected")
    times, volumes = np.array(days, float), np.array(volumes_ml, float)
    times, volumes = times[volumes > 0], np.log(volumes[volumes > 0])
    if len(np.unique(times)) < 2:
        return None
    pace = float(np.polyfit(times - times[0], volumes, 1)[0])
    return None if abs(pace) < 1e-12 else float(np.log(2) / pace)
