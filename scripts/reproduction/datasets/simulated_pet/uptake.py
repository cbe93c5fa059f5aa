"""How much FDG organs take up one hour after injection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np


@dataclass(frozen=True)
class Uptake:
    """Distribution over patients of the mean uptake of an organ.

    Args:
        mean_suv: mean SUV (body weight) over patients; the median where ``skewed``.
        sd_suv: standard deviation over patients; for ``skewed`` organs a factor, the spread of one standard deviation.
        lowest_suv: draws below are set to it.
        highest_suv: draws above are set to it.
        skewed: log-normal instead of normal: organs such as bladder, gut and heart vary by factors.
    """

    mean_suv: float
    sd_suv: float
    lowest_suv: float
    highest_suv: float
    skewed: bool = False

    def draw(self, random: np.random.Generator) -> float:
        """Draw the SUV of one patient."""
        step = float(random.standard_normal())
        value = self.mean_suv * self.sd_suv**step if self.skewed else self.mean_suv + self.sd_suv * step
        return min(max(value, self.lowest_suv), self.highest_suv)


def _organ(mean_suv: float, sd_suv: float, *, lowest: float, highest: float, skewed: bool = False) -> Uptake:
    return Uptake(mean_suv, sd_suv, lowest, highest, skewed)


UPTAKE: Mapping[str, Uptake] = MappingProxyType(
    {
        "blood pool": _organ(1.55, 0.38, lowest=0.9, highest=2.6),
        "liver": _organ(2.17, 0.44, lowest=1.2, highest=3.5),
        "cerebellum": _organ(8.0, 2.2, lowest=4.0, highest=14.0),
        "tonsils": _organ(3.45, 1.4, lowest=1.2, highest=7.0),
        "tongue": _organ(3.08, 1.05, lowest=1.2, highest=6.0),
        "salivary glands": _organ(3.3, 1.5, lowest=1.0, highest=7.0),
        "testes": _organ(2.57, 0.56, lowest=1.4, highest=4.0),
        "cortex": _organ(10.0, 2.5, lowest=5.0, highest=17.0),
        "spleen": _organ(1.9, 0.4, lowest=1.0, highest=3.2),
        "kidney": _organ(2.6, 0.6, lowest=1.4, highest=4.5),
        "marrow": _organ(1.4, 0.35, lowest=0.7, highest=2.6),
        "lung": _organ(0.5, 0.1, lowest=0.3, highest=0.8),
        "muscle": _organ(0.65, 0.12, lowest=0.4, highest=1.1),
        "fat": _organ(0.3, 0.06, lowest=0.15, highest=0.5),
        "oesophagus": _organ(1.7, 0.35, lowest=1.0, highest=2.8),
        "stomach": _organ(2.0, 1.4, lowest=1.0, highest=5.0, skewed=True),
        "bowel": _organ(1.4, 1.5, lowest=0.7, highest=6.0, skewed=True),
        "heart": _organ(3.2, 2.0, lowest=1.2, highest=14.0, skewed=True),
        "urine": _organ(7.0, 1.7, lowest=2.5, highest=25.0, skewed=True),
        "bladder": _organ(15.0, 1.8, lowest=3.0, highest=60.0, skewed=True),
        "brown fat": _organ(4.0, 1.5, lowest=2.0, highest=10.0, skewed=True),
        "lung cancer": _organ(9.0, 1.5, lowest=5.0, highest=22.0, skewed=True),
        "oesophageal cancer": _organ(9.0, 1.5, lowest=5.0, highest=22.0, skewed=True),
    }
)
"""SUV (body weight) of the organs over patients.

Quoted figures, mean and standard deviation of SUVmean: blood pool and liver (Boktor et al. 2013, 132 patients);
cerebellum, palatine tonsils, lingual tonsils (here: tongue), sublingual glands (here: salivary glands) and testes
(Wang et al. 2007, 98 patients). The others are set by us inside what the reviews describe as normal: grey matter
above the cerebellum; spleen just below the liver; lung lowest, muscle and fat below the blood pool; marrow about the
blood pool; myocardium, gut and stomach variable by factors, the myocardium with fasting; urine in renal pelvis,
ureters and bladder hottest; brown fat in a few patients. Lesions: SUVmean of primary tumours in patients lies between
1.5 and 17.5 (Nahmias and Wahl 2008); fainter ones than 5 are left out, because the published system's patients were
selected for treatment of a visible primary.

Source:
    Boktor RR et al., J Nucl Med 2013;54:677-682, Results: blood pool 1.55 (0.38), liver 2.17 (0.44).
    Wang Y et al., Mol Imaging Biol 2007;9:83-90, Abstract. Dias AH et al., EJNMMI Res 2022;12:15. Paquet N et al.,
    J Nucl Med 2004;45:784-788. Zincirkeser S et al., J Int Med Res 2007;35:231-236. Shreve PD et al.,
    RadioGraphics 1999;19:61-77. Engel H et al., J Nucl Med 1996;37:441-446. Nahmias C, Wahl LM, J Nucl Med
    2008;49:1804-1808.
"""


def draw_uptake(random: np.random.Generator) -> dict[str, float]:
    """Draw the SUV of every organ of one patient."""
    return {organ: distribution.draw(random) for organ, distribution in UPTAKE.items()}


VARIED: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "heart": (1.0, 20.0),
        "bladder": (2.0, 70.0),
        "urine": (2.0, 40.0),
        "bowel": (0.7, 9.0),
        "stomach": (1.0, 7.0),
        "brown fat": (2.0, 12.0),
        "marrow": (0.7, 4.5),
        "tonsils": (1.5, 9.0),
        "salivary glands": (1.0, 8.0),
        "tongue": (1.2, 6.0),
        "testes": (1.5, 5.0),
        "kidney": (1.5, 7.0),
        "oesophagus": (1.0, 3.5),
        "liver": (1.2, 4.5),
        "muscle": (0.4, 1.3),
    }
)
"""SUV of organs from the lowest to the highest that a network of real scans should have met; set by us."""
VARIED_SPREAD = 0.2  # of all other organs, logarithmic, beside their usual spread


def draw_varied_uptake(random: np.random.Generator) -> dict[str, float]:
    """Draw the SUV of every organ of one patient from ranges far wider than the usual ones."""
    drawn = draw_uptake(random)
    for organ in drawn:
        if organ in VARIED:
            low, high = np.log(VARIED[organ])
            drawn[organ] = float(np.exp(random.uniform(low, high)))
        else:
            drawn[organ] *= float(np.exp(random.normal(0, VARIED_SPREAD)))
    return drawn
