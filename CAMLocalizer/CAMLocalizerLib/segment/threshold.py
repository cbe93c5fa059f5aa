"""Threshold: from which activation on a voxel belongs to the tumour."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core import OptionError, SettingsError
from .levels import ActivationLevels
from .slabs import blocks, in_slabs

METHODS = ("fixed", "percentile", "otsu")
FORMS = 'a fraction from 0 to 1 ("0.4"), of 255 ("200/255"), a percentile ("q95") or "otsu"'
_HIGHEST = {"fixed": 1.0, "percentile": 100.0, "otsu": 0.0}
_NUMBER = r"(\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_PATTERNS = {
    "fixed": re.compile(rf"(?P<number>{_NUMBER})(?P<of>\s*/\s*255)?"),
    "percentile": re.compile(rf"q(?P<number>{_NUMBER})"),
    "otsu": re.compile(r"otsu"),
}


@dataclass(frozen=True)
class Threshold:
    """A rule that gives the lowest activation that still belongs to the tumour.

    Args:
        method: ``fixed``, ``percentile`` or ``otsu``.
        level: activation from 0 to 1 for ``fixed``, percent from 0 to 100 for ``percentile``, 0 for ``otsu``.
        text: how the user wrote it; made from method and level if empty.

    Raises:
        SettingsError: an unknown method or a level out of range.

    Source:
        Fixed fractions of 255, percentiles of the map and Otsu's method (IEEE Trans. SMC 9(1):62-66, 1979) are those
        compared by the quantitative study of class activation maps on brain tumours, section on thresholds.
    """

    method: str
    level: float = 0.0
    text: str = ""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise SettingsError(f"method of the threshold must be one of {', '.join(METHODS)}, got {self.method!r}")
        default = {"fixed": f"{self.level:g}", "percentile": f"q{self.level:g}", "otsu": "otsu"}[self.method]
        object.__setattr__(self, "text", self.text or default)
        if not 0 <= self.level <= _HIGHEST[self.method]:
            raise OptionError("threshold", f'"{self.text}" is out of range; give {FORMS}')

    @classmethod
    def parse(cls, text: str | float | Threshold) -> Threshold:
        """Read a threshold: ``"0.4"``, ``"200/255"``, ``"q95"``, ``"otsu"``, or a number from 0 to 1.

        Raises:
            SettingsError: another form, or a value out of range.
        """
        if isinstance(text, Threshold):
            return text
        plain = str(text).strip().lower()
        for method, pattern in _PATTERNS.items():
            if match := pattern.fullmatch(plain):
                parts = match.groupdict()
                level = float(parts.get("number") or 0) / (255 if parts.get("of") else 1)
                return cls(method, level, plain)
        raise OptionError("threshold", f'"{text}" is not understood; give {FORMS}')

    def __str__(self) -> str:
        return self.text

    def value(self, activation: NDArray[np.float32] | ActivationLevels) -> float:
        """Return the lowest activation that belongs to the tumour.

        Percentile and Otsu use the slices that contribute, zeros within them included, see
        :class:`ActivationLevels`.

        Args:
            activation: fused activation in 0..1, any shape; where it is asked for several thresholds, its levels.

        Returns:
            The threshold; 0 for an activation that is zero everywhere (:func:`apply_threshold` takes no voxel of it),
            just above the only value where Otsu finds no two classes.
        """
        if self.method == "fixed":
            return self.level
        levels = activation if isinstance(activation, ActivationLevels) else ActivationLevels(activation)
        return levels.percentile(self.level) if self.method == "percentile" else levels.otsu()


def apply_threshold(
    activation: NDArray[np.float32],
    threshold: Threshold | str | float,
    *,
    out: NDArray[np.bool_] | None = None,
    levels: ActivationLevels | None = None,
) -> NDArray[np.bool_]:
    """Return the voxels whose activation is above 0 and at or above the threshold.

    Args:
        activation: fused activation in 0..1, any shape.
        threshold: a rule or its text.
        out: where to write, bool, the activation's shape; a new array if not given.
        levels: of the activation, where it is asked for several thresholds.

    Returns:
        bool, the same shape; all False for an activation that is zero everywhere.

    Raises:
        SettingsError: a threshold that is malformed or out of range.
    """
    value = Threshold.parse(threshold).value(activation if levels is None else levels)
    mask = np.empty(activation.shape, dtype=bool) if out is None else out
    reach(activation, value, mask)
    return mask


def reach(activation: NDArray[np.float32], value: float, out: NDArray[np.bool_]) -> None:
    """Write which voxels are above 0 and at or above a value, which is compared in the activation's own precision."""
    level = activation.dtype.type(value)
    compare = np.greater_equal if level > 0 else np.greater

    def write(part: slice) -> None:
        for block in blocks(part, activation[:1].size):
            compare(activation[block], level, out=out[block])

    in_slabs(write, len(activation), activation.size)
