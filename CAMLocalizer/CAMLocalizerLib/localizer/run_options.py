"""RunOptions: which model runs on a volume, with what, and which further files are written."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..case_files import EXPORT_FILES
from ..core import OptionError, check_choice
from ..models import ModelCard
from ..option_names import DEFAULT_MODEL, DEVICE_FORM, DEVICES, MAPS, PRECISIONS, UNITS, VIEWS


@dataclass(frozen=True)
class RunOptions:
    """Everything that decides what a model sees in a volume, alike for every case of a run.

    Args:
        model: name or folder of a model bundle.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        view: ``axial``, ``coronal``, ``sagittal``, or ``auto``: the plane of acquisition, or the projections.
        map: name of the method that makes the maps; None for the model's own.
        precision: of the network, ``float32`` or ``bfloat16``.
        batch_size: images at once, at least 1.
        unit: of voxels whose file names none, ``SUVbw`` or ``HU``; None to leave it open.
        exports: names of further files of each case, keys of :data:`CAMLocalizerLib.case_files.EXPORT_FILES`.

    Raises:
        OptionError: an option out of range.
    """

    model: str = DEFAULT_MODEL
    device: str = "auto"
    view: str = "auto"
    map: str | None = None
    precision: str = "float32"
    batch_size: int = 8
    unit: str | None = None
    exports: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "exports", tuple(self.exports))
        check_device_name(self.device)
        check_choice("view", self.view, VIEWS)
        check_choice("precision", self.precision, PRECISIONS)
        if self.map is not None:
            check_choice("map", self.map, MAPS)
        if self.unit is not None:
            check_choice("unit", self.unit, UNITS)
        if self.batch_size < 1:
            raise OptionError("batch_size", f"must be at least 1, got {self.batch_size}")
        check_exports(self.exports)

    def to_json(self) -> dict[str, Any]:
        """Return the options as JSON values."""
        return {**asdict(self), "exports": list(self.exports)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RunOptions:
        """Read what :meth:`to_json` gave."""
        return cls(**values)


def check_view(view: str, card: ModelCard) -> None:
    """Refuse a view of slices for a model of projections, or one that a model of slices does not take.

    Raises:
        OptionError: such a view.
    """
    if view == "auto":
        return
    if card.projections:
        raise OptionError("view", f"{view} is for slices; model {card.name} uses two projections")
    if view not in card.views:
        raise OptionError(
            "view", f"{view} is not among those of model {card.name}; use {', '.join(card.views)} or auto"
        )


def check_device_name(name: str) -> None:
    """Refuse a text that is not the name of a device; whether the device exists is another question.

    Raises:
        OptionError: such a text.
    """
    if not re.fullmatch(DEVICE_FORM, name):
        raise OptionError("device", f"must be {DEVICES}, got {name!r}")


def check_exports(names: Collection[str]) -> None:
    """Refuse names that are not those of exports.

    Raises:
        OptionError: such a name.
    """
    if unknown := sorted(set(names) - set(EXPORT_FILES)):
        raise OptionError("exports", f"must be among {', '.join(EXPORT_FILES)}, got {', '.join(unknown)}")
