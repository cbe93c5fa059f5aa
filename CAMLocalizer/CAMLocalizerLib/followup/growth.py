"""Growth: volume over time, and the doubling time of a tumour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core import InputError


@dataclass(frozen=True)
class Change:
    """Change of a volume between two dates.

    Args:
        days: days between the dates, above 0.
        absolute_ml: later minus earlier volume.
        relative: change as a fraction of the earlier volume; None if that was 0.
        doubling_days: doubling time at this rate of growth; negative for a halving time; None if a volume is 0 or
            nothing changed.
    """

    days: float
    absolute_ml: float
    relative: float | None
    doubling_days: float | None


def change_between(days: float, earlier_ml: float, later_ml: float) -> Change:
    """Compare two volumes.

    Args:
        days: days between them.
        earlier_ml: at least 0.
        later_ml: at least 0.

    Raises:
        InputError: days that are not positive, or a negative volume.

    Source:
        Schwartz, A biomathematical approach to clinical tumor growth, Cancer 14:1272-1294, 1961: exponential growth.
    """
    if not days > 0:
        raise InputError(f"days between the exams must be positive, got {days}")
    if min(earlier_ml, later_ml) < 0:
        raise InputError(f"volumes must be at least 0 ml, got {earlier_ml} and {later_ml}")
    absolute = later_ml - earlier_ml
    relative = absolute / earlier_ml if earlier_ml else None
    return Change(days, absolute, relative, doubling_days([0.0, days], [earlier_ml, later_ml]))


def doubling_days(days: Sequence[float], volumes_ml: Sequence[float]) -> float | None:
    """Fit exponential growth to volumes by least squares on their logarithms.

    Args:
        days: day of each exam.
        volumes_ml: volume in each exam; volumes of 0 are ignored.

    Returns:
        Doubling time in days, negative for halving; None with fewer than two volumes above 0, or without change.

    Raises:
        InputError: different numbers of days and volumes.
    """
    if len(days) != len(volumes_ml):
        raise InputError(f"got {len(days)} days and {len(volumes_ml)} volumes, expected one of each per exam")
    times, volumes = np.array(days, float), np.array(volumes_ml, float)
    times, volumes = times[volumes > 0], np.log(volumes[volumes > 0])
    if len(np.unique(times)) < 2:
        return None
    pace = float(np.polyfit(times - times[0], volumes, 1)[0])
    return None if abs(pace) < 1e-12 else float(np.log(2) / pace)
