"""Number of grey levels of a segment, which determines memory and time of texture features."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import Volume

MAX_LEVELS = 1000
DEFAULT_BIN_WIDTH = 25.0
TEXTURES = frozenset({"glcm", "glrlm", "glszm", "gldm", "ngtdm"})
_GAIN = {"Wavelet": 3.0, "LBP2D": 0.0, "LBP3D": 0.0}  # upper limit by which a filter widens the intensity range


@dataclass(frozen=True)
class GreyLevels:
    """Counts the grey levels into which pyradiomics bins the intensities of a segment.

    Args:
        setting: settings of pyradiomics, such as ``binWidth``.
        image_types: names of the enabled filters.
        volume: the image, for the normalisation of intensities.

    Source: pyradiomics documentation, "Image Processing / Feature Extraction", binImage and normalizeImage.
    """

    setting: Mapping[str, Any]
    image_types: Collection[str]
    volume: Volume

    def count(self, values: NDArray[np.floating]) -> int:
        """Return the number of grey levels of a segment for the filter with the widest range.

        Args:
            values: intensities of the segment, shape (n,), at least one.
        """
        if self.setting.get("binCount"):
            return int(self.setting["binCount"])
        low, high = float(values.min()), float(values.max())
        if self.setting.get("normalize"):
            low, high = self._normalised(low), self._normalised(high)
        kept = self.setting.get("resegmentRange")
        if kept and self.setting.get("resegmentMode", "absolute") == "absolute":
            low = max(low, float(kept[0]))
            high = min(high, float(kept[1])) if len(kept) > 1 else high
        gain = max((_GAIN.get(name, 1.0) for name in self.image_types), default=1.0)
        width = float(self.setting.get("binWidth") or DEFAULT_BIN_WIDTH)
        return int(max(high - low, 0.0) * gain // width) + 1

    def _normalised(self, value: float) -> float:
        whole, scale = self.volume.array_kji, float(self.setting.get("normalizeScale", 1))
        deviation = float(whole.std(dtype=np.float64)) or 1.0
        score = (value - float(whole.mean(dtype=np.float64))) / deviation
        if limit := self.setting.get("removeOutliers"):
            score = float(np.clip(score, -float(limit), float(limit)))
        return score * scale

    def too_many(self, values: NDArray[np.floating]) -> str:
        """Return why the texture of a segment is not measured; empty if it is measured."""
        count = self.count(values)
        if count <= MAX_LEVELS:
            return ""
        width = self.setting.get("binWidth") or f"{DEFAULT_BIN_WIDTH:g}"
        what = f"binCount is {count}" if self.setting.get("binCount") else f"binWidth {width} gives {count} grey levels"
        return (
            f"texture was left out: {what}, the limit is {MAX_LEVELS}; choose a larger binWidth or a binCount "
            "in a parameter file, or give a PET in SUV"
        )
