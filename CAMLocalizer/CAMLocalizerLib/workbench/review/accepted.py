"""AcceptedSegment: a label map that a reviewer approved, with everything it came from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from ...core import MM3_PER_ML, Grid, InputError, LabelMap
from ...localizer import Findings, LabelSettings

DEFAULT_NAME = "Tumour {number}"
TAG_PREFIX = "CAMLocalizer."
KEY_TAG = f"{TAG_PREFIX}Accepted"


@dataclass(frozen=True, eq=False)
class AcceptedSegment:
    """A label map of one segment, eight voxels to a byte.

    Args:
        name: name of the segment.
        packed: voxels in storage order, eight to a byte, uint8.
        grid: where the voxels lie.
        settings: how the label map was made.
        threshold_value: activation from which on a voxel belonged to the tumour.
        model: name, version and sha256 of the model that looked.
        view: plane of its slices, or ``projections``.
        edited: whether a reviewer changed voxels by hand before accepting.
        accepted_at: time of acceptance, ISO 8601, UTC.
        key: what the segment is recognised by in a scene.
    """

    name: str
    packed: NDArray[np.uint8]
    grid: Grid
    settings: LabelSettings
    threshold_value: float
    model: tuple[str, str, str]
    view: str
    edited: bool = False
    accepted_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    key: str = field(default_factory=lambda: uuid4().hex)

    @classmethod
    def of(
        cls,
        found: Findings,
        mask: NDArray[np.uint8],
        settings: LabelSettings,
        *,
        name: str,
        threshold_value: float,
        edited: bool,
    ) -> AcceptedSegment:
        """Keep a mask on the grid of the volume that the model ran on."""
        card = found.card
        return cls(
            name,
            np.packbits(mask),
            found.volume.grid,
            settings,
            threshold_value,
            (card.name, card.version, card.sha256),
            found.view,
            edited,
        )

    def with_mask(self, mask: NDArray[np.uint8]) -> AcceptedSegment:
        """Return this segment with other voxels on the same grid, as a reviewer corrected them by hand."""
        return replace(self, packed=np.packbits(mask), edited=True)

    @property
    def mask(self) -> NDArray[np.uint8]:
        """A new array of 0 and 1, shape ``grid.shape_kji``."""
        shape = self.grid.shape_kji
        return np.unpackbits(self.packed, count=int(np.prod(shape))).reshape(shape)

    @property
    def label_map(self) -> LabelMap:
        """The label map, one segment."""
        return LabelMap(self.mask, self.grid, (self.name,))

    @property
    def volume_ml(self) -> float:
        """Volume in millilitres."""
        return self.voxels * self.grid.voxel_volume_mm3 / MM3_PER_ML

    @cached_property
    def voxels(self) -> int:
        """Number of voxels."""
        return int(np.unpackbits(self.packed).sum(dtype=np.int64))

    def equals(self, mask: NDArray[np.uint8]) -> bool:
        """Whether a mask on the same grid has the same voxels."""
        return np.array_equal(np.packbits(mask), self.packed)

    def provenance(self) -> dict[str, Any]:
        """Return where the segment came from, as JSON values."""
        model, version, sha256 = self.model
        return {
            "name": self.name,
            "accepted_at": self.accepted_at,
            "edited_by_hand": self.edited,
            "volume_ml": round(self.volume_ml, 6),
            "model": {"name": model, "version": version, "sha256": sha256},
            "view": self.view,
            "threshold_value": self.threshold_value,
            "settings": self.settings.to_json(),
        }

    def tags(self) -> dict[str, str]:
        """Return where the segment came from, as tags of a segment in a scene."""
        model, version, sha256 = self.model
        facts = {
            "Accepted": self.key,
            "AcceptedAt": self.accepted_at,
            "Edited": str(self.edited).lower(),
            "Model": model,
            "ModelVersion": version,
            "ModelSHA256": sha256,
            "View": self.view,
            "Threshold": self.settings.threshold,
            "ThresholdValue": f"{self.threshold_value:.6g}",
            "Scales": " ".join(map(str, self.settings.scales)),
        }
        return {f"{TAG_PREFIX}{name}": value for name, value in facts.items()}

    def to_json(self) -> dict[str, Any]:
        """Return everything but the voxels and the grid as JSON values."""
        return {**self.provenance(), "key": self.key}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], packed: NDArray[np.uint8], grid: Grid) -> AcceptedSegment:
        """Read what :meth:`to_json` gave.

        Raises:
            InputError: values are missing, or the voxels do not fill the grid.
        """
        try:
            model = values["model"]
            segment = cls(
                values["name"],
                np.asarray(packed, dtype=np.uint8),
                grid,
                LabelSettings.from_json(values["settings"]),
                float(values["threshold_value"]),
                (model["name"], model["version"], model["sha256"]),
                values["view"],
                bool(values["edited_by_hand"]),
                values["accepted_at"],
                values["key"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"an accepted segment of the stored review is damaged: {error!r}") from error
        if segment.packed.size != -(-int(np.prod(grid.shape_kji)) // 8):
            raise InputError(f"the accepted segment {segment.name!r} does not fill its volume; the scene is damaged")
        return segment


def free_name(taken: Collection[str]) -> str:
    """Return the first of ``Tumour 1``, ``Tumour 2``, ... that is not taken."""
    number = 1
    while DEFAULT_NAME.format(number=number) in taken:
        number += 1
    return DEFAULT_NAME.format(number=number)


def merged_label_map(segments: Sequence[AcceptedSegment]) -> LabelMap:
    """Put accepted segments into one label map, labels 1, 2, ...; where they overlap the later one wins."""
    merged = np.zeros(segments[0].grid.shape_kji, dtype=np.uint8)
    for label, segment in enumerate(segments, start=1):
        merged[segment.mask != 0] = label
    return LabelMap(merged, segments[0].grid, tuple(segment.name for segment in segments))
