"""Standardised uptake values from the headers of a PET series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..core import InputError

if TYPE_CHECKING:
    from pydicom import Dataset

GRAMS_PER_KG = 1000.0
LEAST_DOSE_BQ = 1e5
_PHILIPS_SUV = (0x7053, 0x1000)
_PHILIPS_ACTIVITY = (0x7053, 0x1009)
_GE_SCAN_DATETIME = (0x0009, 0x100D)


def suvbw_factor(headers: Sequence[Dataset]) -> float:
    """Return what the rescaled pixels of a PET series are multiplied with to become SUV (body weight).

    Args:
        headers: the headers of all slices of one series, at least one.

    Returns:
        The factor in g/ml per unit of the pixels (Bq/ml for BQML, counts for Philips' CNTS, 1 for GML).

    Raises:
        InputError: units, corrections or tags from which no SUV follows; the tag is named.

    Source: QIBA FDG-PET/CT Profile, vendor-neutral pseudo-code for SUV; DICOM PS3.3 C.8.9.1.
    """
    first = headers[0]
    units = _text(first, "Units").upper()
    if units == "GML":
        return _grams_factor(first)
    if units == "CNTS":
        return _philips_factor(headers)
    if units == "BQML":
        return _becquerel_factor(headers)
    raise InputError(f"Units (0054,1001) is {units}; BQML, CNTS of Philips or GML is needed for SUV")


def _grams_factor(header: Dataset) -> float:
    kind = str(header.get("SUVType", "BW") or "BW").upper()
    if kind != "BW":
        raise InputError(f"SUVType (0054,1006) is {kind}; SUV by body weight (BW) is needed")
    return 1.0


def _philips_factor(headers: Sequence[Dataset]) -> float:
    if (factor := _private(headers[0], _PHILIPS_SUV)) > 0:
        return factor
    if (factor := _private(headers[0], _PHILIPS_ACTIVITY)) > 0:
        return factor * _becquerel_factor(headers)
    raise InputError("Units are CNTS, but Philips' SUV factor (7053,1000) and activity factor (7053,1009) are missing")


def _becquerel_factor(headers: Sequence[Dataset]) -> float:
    """Body weight in grams over the dose that was left at the time to which the pixels are decay-corrected."""
    first = headers[0]
    _check_corrections(first)
    weight_g = _positive(first, "PatientWeight") * GRAMS_PER_KG
    tracer = _radiopharmaceutical(first)
    dose_bq = _positive(tracer, "RadionuclideTotalDose")
    if dose_bq < LEAST_DOSE_BQ:
        raise InputError(
            f"RadionuclideTotalDose (0018,1074) is {dose_bq:g}; becquerels are expected, at least {LEAST_DOSE_BQ:g}"
        )
    correction = _text(first, "DecayCorrection").upper()
    if correction == "ADMIN":
        return weight_g / dose_bq
    if correction != "START":
        raise InputError(f"DecayCorrection (0054,1102) is {correction}; START or ADMIN is needed for SUV")
    half_life_s = _positive(tracer, "RadionuclideHalfLife")
    scan = scan_time(headers)
    elapsed_s = (scan - _injection_time(tracer, scan)).total_seconds()
    return weight_g / (dose_bq * 2.0 ** (-elapsed_s / half_life_s))


def _check_corrections(header: Dataset) -> None:
    done = {str(value).upper() for value in _values(header, "CorrectedImage")}
    if missing := {"ATTN", "DECY"} - done:
        raise InputError(
            f"CorrectedImage (0028,0051) lacks {', '.join(sorted(missing))}; the PET is no measure of uptake"
        )


def _radiopharmaceutical(header: Dataset) -> Dataset:
    sequence = header.get("RadiopharmaceuticalInformationSequence")
    if not sequence:
        raise InputError(_missing("RadiopharmaceuticalInformationSequence"))
    return sequence[0]


def scan_time(headers: Sequence[Dataset]) -> datetime:
    """Return the time to which a series with DecayCorrection START is corrected.

    It is the series' time unless processing has moved that behind the first acquisition; then GE's private scan
    time, or the acquisition time set back by the frame reference time and the time of the frame's mean count rate.

    Raises:
        InputError: a date or time that is missing or damaged.
    """
    first = min(headers, key=lambda header: _moment(header, "Acquisition"))
    series, acquired = _moment(first, "Series"), _moment(first, "Acquisition")
    if series <= acquired:
        return series
    if stamp := _private_text(first, _GE_SCAN_DATETIME):
        return _parse(stamp[:8], stamp[8:], "GE scan time (0009,100D)")
    half_life_s = _positive(_radiopharmaceutical(first), "RadionuclideHalfLife")
    frame_s = _positive(first, "ActualFrameDuration") / 1000.0
    reference_s = _number(first, "FrameReferenceTime") / 1000.0
    return acquired - timedelta(seconds=reference_s - _mean_rate_time(frame_s, half_life_s))


def _mean_rate_time(frame_s: float, half_life_s: float) -> float:
    """Time into a frame at which the count rate equals its mean over the frame."""
    decay = math.log(2.0) / half_life_s
    return math.log(decay * frame_s / -math.expm1(-decay * frame_s)) / decay


def _injection_time(tracer: Dataset, scan: datetime) -> datetime:
    """Date and time of injection; a bare time later than the scan was on the day before."""
    if stamp := str(tracer.get("RadiopharmaceuticalStartDateTime", "") or ""):
        injected = _parse(stamp[:8], stamp[8:], "RadiopharmaceuticalStartDateTime (0018,1078)")
        if injected > scan:
            raise InputError("RadiopharmaceuticalStartDateTime (0018,1078) is later than the scan; correct the header")
        return injected
    clock = _text(tracer, "RadiopharmaceuticalStartTime")
    injected = _parse(scan.strftime("%Y%m%d"), clock, "RadiopharmaceuticalStartTime (0018,1072)")
    return injected if injected <= scan else injected - timedelta(days=1)


def _moment(header: Dataset, what: str) -> datetime:
    return _parse(_text(header, f"{what}Date"), _text(header, f"{what}Time"), f"{what}Date or {what}Time")


def _parse(date: str, clock: str, tag: str) -> datetime:
    """Read DICOM's YYYYMMDD and HHMMSS.FFFFFF; a time zone is left out, all times of a series share it."""
    digits = clock.strip().replace(":", "").split("+")[0].split("-")[0]
    whole, _, fraction = digits.partition(".")
    try:
        moment = datetime.strptime(date.strip().replace(".", "") + whole.ljust(6, "0"), "%Y%m%d%H%M%S")
        return moment + timedelta(seconds=float(f"0.{fraction or 0}"))
    except ValueError:
        raise InputError(f"{tag} is no DICOM date and time; correct the header") from None


def _values(header: Dataset, keyword: str) -> list[str]:
    value = header.get(keyword)
    if value is None or value == "":
        raise InputError(_missing(keyword))
    return [str(value)] if isinstance(value, str) else [str(entry) for entry in value]


def _text(header: Dataset, keyword: str) -> str:
    value = header.get(keyword)
    if value is None or str(value).strip() == "":
        raise InputError(_missing(keyword))
    return str(value).strip()


def _number(header: Dataset, keyword: str) -> float:
    try:
        return float(_text(header, keyword))
    except ValueError:
        raise InputError(f"{_tag(keyword)} is no number; correct the header") from None


def _positive(header: Dataset, keyword: str) -> float:
    value = _number(header, keyword)
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{_tag(keyword)} is {value:g}; a positive number is needed for SUV")
    return value


def _private_text(header: Dataset, tag: tuple[int, int]) -> str:
    element = header.get(tag)
    value = "" if element is None or element.value is None else element.value
    return value.decode("ascii", "ignore").strip("\0 ") if isinstance(value, bytes) else str(value).strip()


def _private(header: Dataset, tag: tuple[int, int]) -> float:
    try:
        return float(_private_text(header, tag) or 0.0)
    except ValueError:
        return 0.0


def _tag(keyword: str) -> str:
    from pydicom.datadict import tag_for_keyword

    number = tag_for_keyword(keyword) or 0
    return f"{keyword} ({number >> 16:04X},{number & 0xFFFF:04X})"


def _missing(keyword: str) -> str:
    return f"{_tag(keyword)} is missing; SUV cannot be computed without it"
