"""Request: what a job is asked to look for, and with what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """Everything that decides what a classifier sees in a volume; checked where the classifier runs.

    Args:
        model: name or folder of a model bundle.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        view: ``axial``, ``coronal``, ``sagittal``, or ``auto``.
        map: name of the method that makes the maps; the model's own if not given.
        precision: ``float32`` or ``bfloat16``.
        batch_size: images at once, at least 1.
    """

    model: str
    device: str = "auto"
    view: str = "auto"
    map: str | None = None
    precision: str = "float32"
    batch_size: int = 8

    def to_json(self) -> dict[str, Any]:
        """Return the request as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Request:
        """Read what :meth:`to_json` gave."""
        return cls(**values)
