"""ActivationPyramid: the class activation maps of a volume, one per scale and slice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .arrays import read_only
from .checks import check_scales
from .errors import GridError, SettingsError
from .grid import Grid


@dataclass(frozen=True, eq=False)
class ActivationMap:
    """The raw class activation maps of one scale, at the scale's own resolution.

    Args:
        scale: name of the scale; 1 is the finest.
        array_kji: evidence for the target class, at least 0, float32, shape ``grid.shape_kji``: k counts the
            slices of the view, j the rows and i the columns of feature cells.
        grid: centres of the feature cells in patient space.

    Raises:
        GridError: the array's shape differs from the grid's.
    """

    scale: int
    array_kji: NDArray[np.float32]
    grid: Grid

    def __post_init__(self) -> None:
        array = read_only(self.array_kji, np.float32)
        object.__setattr__(self, "array_kji", array)
        if array.shape != self.grid.shape_kji:
            raise GridError(f"scale {self.scale}: map has shape {array.shape}, its grid expects {self.grid.shape_kji}")


@dataclass(frozen=True, eq=False)
class ActivationPyramid:
    """Class probabilities of every slice of a view, and its class activation maps at each scale.

    Args:
        maps: one :class:`ActivationMap` per scale, any order; kept sorted by scale.
        probabilities: class probabilities, shape (slices, classes), float32.
        classes: class names in the order of the columns.
        targets: index of the class whose evidence each slice's map shows, shape (slices,).
        tumour_classes: those of ``classes`` that are tumours.
        view: ``axial``, ``coronal`` or ``sagittal``.
        source_grid: grid of the volume; label maps are created on this grid.

    Raises:
        GridError: maps with different numbers of slices, or probabilities of another shape.
        SettingsError: no map, two maps of one scale, or a tumour class that is not among the classes.
    """

    maps: tuple[ActivationMap, ...]
    probabilities: NDArray[np.float32]
    classes: tuple[str, ...]
    targets: NDArray[np.int64]
    tumour_classes: tuple[str, ...]
    view: str
    source_grid: Grid

    def __post_init__(self) -> None:
        maps = tuple(sorted(self.maps, key=lambda entry: entry.scale))
        object.__setattr__(self, "maps", maps)
        object.__setattr__(self, "probabilities", read_only(self.probabilities, np.float32))
        object.__setattr__(self, "targets", read_only(self.targets, np.int64))
        if not maps or len(set(self.scales)) != len(maps):
            raise SettingsError(f"a pyramid needs one map per scale, got scales {self.scales}")
        if unknown := set(self.tumour_classes) - set(self.classes):
            raise SettingsError(f"tumour classes {sorted(unknown)} are not among the classes {self.classes}")
        slices = {entry.array_kji.shape[0] for entry in maps}
        expected = (maps[0].array_kji.shape[0], len(self.classes))
        if len(slices) != 1 or self.probabilities.shape != expected or self.targets.shape != expected[:1]:
            raise GridError(
                f"slices differ: maps have {sorted(slices)}, probabilities {self.probabilities.shape}, "
                f"targets {self.targets.shape}, expected {expected}"
            )

    @property
    def scales(self) -> tuple[int, ...]:
        """Scales present, finest first."""
        return tuple(entry.scale for entry in self.maps)

    @property
    def tumour_probabilities(self) -> NDArray[np.float32]:
        """Summed probability of the tumour classes per slice, shape (slices,), 0 to 1."""
        columns = [self.classes.index(name) for name in self.tumour_classes]
        return self.probabilities[:, columns].sum(axis=1)

    def select(self, scales: Iterable[int]) -> tuple[ActivationMap, ...]:
        """Return the maps of ``scales``, finest first.

        Raises:
            SettingsError: a scale that the pyramid does not have, or no scale.
        """
        wanted = set(scales)
        check_scales(wanted, self.scales)
        return tuple(entry for entry in self.maps if entry.scale in wanted)
