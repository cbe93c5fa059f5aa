"""Standardised uptake values from the headers of a PET series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core import InputError
from .dicom_values import positive_value, private_number, text_value, text_values
from .suv_times import decay_time_s, radiopharmaceutical, scan_time

if TYPE_CHECKING:
    from pydicom import Dataset

GRAMS_PER_KG = 1000.0
MIN_DOSE_BQ = 1e5
_PHILIPS_SUV = (0x7053, 0x1000)
_PHILIPS_ACTIVITY = (0x7053, 0x1009)


@dataclass(frozen=True)
class SuvScale:
    """Conversion of the pixels of a PET series to SUV.

    Args:
        factor: SUV by body weight, g/ml, per unit of the rescaled pixels.
        notes: assumptions, one sentence each.
    """

    factor: float
    notes: tuple[str, ...] = ()


def suvbw_factor(headers: Sequence[Dataset]) -> float:
    """Return the factor that converts the rescaled pixels of a PET series to SUV (body weight).

    Args:
        headers: the headers of all slices of one series, at least one.

    Returns:
        The factor in g/ml per unit of the pixels (Bq/ml for BQML, counts for Philips' CNTS, 1 for GML).

    Raises:
        InputError: units, corrections or attributes that do not allow SUV; the message names the attribute.

    Source: QIBA FDG-PET/CT Profile, vendor-neutral pseudo-code for SUV; DICOM PS3.3 C.8.9.1.
    """
    return suvbw_scale(headers).factor


def suvbw_scale(headers: Sequence[Dataset]) -> SuvScale:
    """Return :func:`suvbw_factor` with the assumptions made; errors as there."""
    scale = _scale(headers)
    if not (math.isfinite(scale.factor) and scale.factor > 0):
        raise InputError(f"the header gives an SUV factor of {scale.factor:g}; correct dose, weight and times in it")
    return scale


def _scale(headers: Sequence[Dataset]) -> SuvScale:
    first = headers[0]
    units = text_value(first, "Units").upper()
    if units == "GML":
        return SuvScale(_grams_factor(first))
    if units == "CNTS":
        return _philips_scale(headers)
    if units == "BQML":
        return _becquerel_scale(headers)
    raise InputError(f"Units (0054,1001) is {units}; BQML, CNTS of Philips or GML is needed for SUV")


def _grams_factor(header: Dataset) -> float:
    kind = str(header.get("SUVType", "BW") or "BW").upper()
    if kind != "BW":
        raise InputError(f"SUVType (0054,1006) is {kind}; SUV by body weight (BW) is needed")
    return 1.0


def _philips_scale(headers: Sequence[Dataset]) -> SuvScale:
    if (factor := private_number(headers[0], _PHILIPS_SUV)) > 0:
        return SuvScale(factor)
    if (factor := private_number(headers[0], _PHILIPS_ACTIVITY)) > 0:
        scale = _becquerel_scale(headers)
        return SuvScale(factor * scale.factor, scale.notes)
    raise InputError("Units are CNTS, but Philips' SUV factor (7053,1000) and activity factor (7053,1009) are missing")


def _becquerel_scale(headers: Sequence[Dataset]) -> SuvScale:
    """Return body weight in grams divided by the dose at the time to which the pixels are decay-corrected."""
    first = headers[0]
    _check_corrections(first)
    weight_g = positive_value(first, "PatientWeight") * GRAMS_PER_KG
    tracer = radiopharmaceutical(first)
    dose_bq = positive_value(tracer, "RadionuclideTotalDose")
    if dose_bq < MIN_DOSE_BQ:
        raise InputError(
            f"RadionuclideTotalDose (0018,1074) is {dose_bq:g}; becquerels are expected, at least {MIN_DOSE_BQ:g}"
        )
    correction = text_value(first, "DecayCorrection").upper()
    if correction == "ADMIN":
        return SuvScale(weight_g / dose_bq)
    if correction != "START":
        raise InputError(f"DecayCorrection (0054,1102) is {correction}; START or ADMIN is needed for SUV")
    half_life_s = positive_value(tracer, "RadionuclideHalfLife")
    elapsed_s, notes = decay_time_s(first, scan_time(headers))
    return SuvScale(weight_g / (dose_bq * 2.0 ** (-elapsed_s / half_life_s)), notes)


def _check_corrections(header: Dataset) -> None:
    done = {value.upper() for value in text_values(header, "CorrectedImage")}
    if missing := {"ATTN", "DECY"} - done:
        raise InputError(f"CorrectedImage (0028,0051) lacks {', '.join(sorted(missing))}; SUV needs these corrections")
