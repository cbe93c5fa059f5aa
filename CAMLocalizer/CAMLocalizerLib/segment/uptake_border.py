"""UptakeBorder: from which uptake on a voxel belongs to the lesion around it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..core import OptionError, SettingsError

METHODS = ("adaptive", "share", "suv", "liver")
FORMS = '"adaptive", a share of the highest uptake ("41%"), an SUV ("suv2.5") or "liver"'
ADAPTIVE_SHARE, ADAPTIVE_BACKGROUNDS, ADAPTIVE_SUV = 0.12, 1.5, 2.5
EANM_SHARE = 0.41
SMALL_ML = 30.0
BODY_SUV = 0.15
USUAL_BORDERS = ("adaptive", "41%", "50%", "suv2.5", "suv4", "liver")
_NUMBER = r"(\d+\.?\d*|\.\d+)"
_FACTOR = rf"(\s*\*\s*(?P<factor>{_NUMBER}))?"
_PATTERNS = {
    "adaptive": re.compile(rf"adaptive{_FACTOR}"),
    "share": re.compile(rf"(?P<level>{_NUMBER})\s*%"),
    "suv": re.compile(rf"suv\s*(?P<level>{_NUMBER})"),
    "liver": re.compile(rf"liver{_FACTOR}"),
}


@dataclass(frozen=True)
class UptakeBorder:
    """A rule that gives the lowest uptake that still belongs to a lesion.

    With P the highest uptake of the lesion:

    - ``adaptive``: 12 % of P plus 1.5 times the background, but not above SUV 2.5 nor above 41 % of P: a large tumour
      of uneven or faint uptake is kept whole. What is smaller than 30 ml then is outlined at 41 % of P, see
      :attr:`of_small_lesions`.
    - ``share``: that share of P; 41 % and 50 % are usual.
    - ``suv``: a fixed SUV; 2.5 and 4 are usual.
    - ``liver``: 1.5 times the mean of the liver plus two standard deviations.

    Args:
        method: one of `METHODS`.
        level: the share, above 0 to 1, or the SUV, above 0; 1 for the others.
        factor: that the uptake is multiplied by in the end, above 0.

    Raises:
        SettingsError: an unknown method, or a level or factor out of range.

    Source:
        41 % and 50 %: Boellaard et al., EANM procedure guidelines 2.0, Eur J Nucl Med Mol Imaging 42:328-354, 2015.
        Liver: Wahl et al., From RECIST to PERCIST, J Nucl Med 50 Suppl 1:122S, 2009; there in SUL, for response.
        A share of the lesion's uptake plus the background: Nestle et al., Comparison of different methods for
        delineation of FDG-PET-positive tissue, J Nucl Med 46:1342-1348, 2005, there 15 % of the lesion's mean uptake
        and once the background. Our two numbers were chosen on sarcomas, see the card of ``pet-fdg``.
    """

    method: str
    level: float = 1.0
    factor: float = 1.0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise SettingsError(f"method of the uptake border must be one of {', '.join(METHODS)}, got {self.method!r}")
        if not 0 < self.level < np.inf or (self.method == "share" and self.level > 1):
            raise OptionError("uptake_border", f"must be above 0, and a share at most 100 %, got {self}")
        if not 0 < self.factor < np.inf:
            raise OptionError("uptake_border", f"must have a factor above 0, got {self.factor}")

    def __str__(self) -> str:
        texts = {"share": f"{100 * self.level * self.factor:g}%", "suv": f"suv{self.level * self.factor:g}"}
        return texts.get(self.method, self.method if self.factor == 1 else f"{self.method}*{self.factor:g}")

    @classmethod
    def parse(cls, text: str | UptakeBorder) -> UptakeBorder:
        """Read ``"adaptive"``, ``"41%"``, ``"suv2.5"`` or ``"liver"``; ``"liver*1.1"`` is a tenth above it.

        Raises:
            SettingsError: another form, or a value out of range.
        """
        if isinstance(text, UptakeBorder):
            return text
        plain = str(text).strip().lower()
        for method, pattern in _PATTERNS.items():
            if match := pattern.fullmatch(plain):
                level, factor = (float(match.groupdict().get(name) or 1) for name in ("level", "factor"))
                return cls(method, level / 100 if method == "share" else level, factor)
        raise OptionError("uptake_border", f'"{text}" is not understood; give {FORMS}')

    def scaled(self, factor: float) -> UptakeBorder:
        """Return the border at another uptake, a share at most at 100 %.

        Args:
            factor: above 0.
        """
        most = 1 / self.level if self.method == "share" else np.inf
        return replace(self, factor=min(self.factor * factor, most))

    @property
    def of_small_lesions(self) -> UptakeBorder:
        """Return the border of what is smaller than 30 ml by this one: 41 % instead of ``adaptive``."""
        small = UptakeBorder("share", EANM_SHARE)
        return small.scaled(self.factor) if self.method == "adaptive" else self

    def lowest(self, highest: NDArray[np.float32], reference_suv: float | None = None) -> NDArray[np.float32]:
        """Return the lowest uptake of lesions whose highest is known.

        Args:
            highest: SUV, any shape.
            reference_suv: what the rule compares with: for ``liver`` what `liver_limit` gives, for ``adaptive`` what
                `background_uptake` gives; the other rules need none.

        Returns:
            SUV, float32, the same shape.

        Raises:
            SettingsError: ``liver`` or ``adaptive`` without its reference.
        """
        peaks = np.asarray(highest, dtype=np.float32)
        if self.method == "liver":
            if reference_suv is None:
                raise SettingsError("no liver was found for the uptake border; choose adaptive, a share or an SUV")
            found = np.full_like(peaks, reference_suv)
        elif self.method == "suv":
            found = np.full_like(peaks, self.level)
        elif self.method == "share":
            found = self.level * peaks
        else:
            if reference_suv is None:
                raise SettingsError(
                    "the uptake border adaptive needs the background's uptake; choose a share or an SUV"
                )
            above = ADAPTIVE_SHARE * peaks + ADAPTIVE_BACKGROUNDS * np.float32(reference_suv)
            found = np.minimum(np.minimum(above, ADAPTIVE_SUV), EANM_SHARE * peaks)
        return (self.factor * found).astype(np.float32)


def background_uptake(uptake: NDArray[np.float32]) -> float:
    """Return the usual uptake of a body: the median of what is above SUV 0.15, which leaves out the air around it.

    Args:
        uptake: SUV, any shape.

    Returns:
        SUV; 0 where nothing is above 0.15.
    """
    body = uptake[uptake > BODY_SUV]
    return float(np.median(body)) if body.size else 0.0
