"""When a PET was scanned and when its tracer was injected, from headers that may contradict themselves."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..core import InputError
from .dicom_values import number, positive, private_text, tagged, text

if TYPE_CHECKING:
    from pydicom import Dataset

MOST_HALF_LIVES = 6.0
SAME_CLOCK_S = 60.0
LONG_HALF_LIFE_S = 6 * 3600.0
_GE_SCAN_DATETIME = (0x0009, 0x100D)
_DATE_TIME = re.compile(r"(\d{8})(\d{4}(?:\d{2})?)(\.\d{1,6})?([+-]\d{4})?")
_TIME = re.compile(r"(\d{4}(?:\d{2})?)(\.\d{1,6})?")
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})")


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
    if stamp := private_text(first, _GE_SCAN_DATETIME):
        return _date_time(stamp, first, "GE scan time (0009,100D)")
    half_life_s = positive(radiopharmaceutical(first), "RadionuclideHalfLife")
    frame_s = positive(first, "ActualFrameDuration") / 1000.0
    reference_s = number(first, "FrameReferenceTime") / 1000.0
    return acquired - timedelta(seconds=reference_s - _mean_rate_time(frame_s, half_life_s))


def radiopharmaceutical(header: Dataset) -> Dataset:
    """Return the first item of RadiopharmaceuticalInformationSequence.

    Raises:
        InputError: there is none.
    """
    sequence = header.get("RadiopharmaceuticalInformationSequence")
    if not sequence:
        raise InputError(f"{tagged('RadiopharmaceuticalInformationSequence')} is missing; SUV cannot be computed")
    return sequence[0]


def _mean_rate_time(frame_s: float, half_life_s: float) -> float:
    """Time into a frame at which the count rate equals its mean over the frame."""
    decay = math.log(2.0) / half_life_s
    return math.log(decay * frame_s / -math.expm1(-decay * frame_s)) / decay


def decay_time_s(header: Dataset, scan: datetime) -> tuple[float, tuple[str, ...]]:
    """Return how long the tracer decayed between injection and scan, and what had to be assumed.

    RadiopharmaceuticalStartDateTime counts if the time since then is at least 0 and at most 6 half-lives, after which
    less than 2 % of the dose is left. Otherwise, as where dates were shifted for de-identification, the plain
    RadiopharmaceuticalStartTime counts, on the day of the scan or the day before.

    Args:
        header: of the first slice.
        scan: from :func:`scan_time`.

    Returns:
        Seconds, and a sentence for each assumption.

    Raises:
        InputError: no time of injection from which a plausible decay follows; the attribute is named.

    Source: DICOM PS3.3 C.8.9.2 and C.12.1.1.8, PS3.5 6.2 (offset from UTC).
    """
    tracer = radiopharmaceutical(header)
    half_life_s = positive(tracer, "RadionuclideHalfLife")
    stamp = str(tracer.get("RadiopharmaceuticalStartDateTime", "") or "").strip()
    clock = str(tracer.get("RadiopharmaceuticalStartTime", "") or "").strip()
    if not stamp:
        return _by_clock(clock, scan, half_life_s)
    try:
        injected = _date_time(stamp, header, tagged("RadiopharmaceuticalStartDateTime"))
        elapsed_s = (scan - injected).total_seconds()
        fault = _implausible("RadiopharmaceuticalStartDateTime", elapsed_s, half_life_s)
    except InputError as error:
        fault = str(error)
    if not fault:
        return elapsed_s, _clock_note(clock, injected, stamp, header)
    if not clock:
        raise InputError(fault)
    elapsed_s, notes = _by_clock(clock, scan, half_life_s)
    used = f"{tagged('RadiopharmaceuticalStartTime')} was used for SUV instead"
    return elapsed_s, (f"{fault.partition(';')[0]}; {used}", *notes)


def _by_clock(clock: str, scan: datetime, half_life_s: float) -> tuple[float, tuple[str, ...]]:
    """Take a bare time of day; one later than the scan was on the day before."""
    if not clock:
        raise InputError(f"{tagged('RadiopharmaceuticalStartTime')} is missing; SUV cannot be computed without it")
    injected = _on_day(scan.strftime("%Y%m%d"), clock, tagged("RadiopharmaceuticalStartTime"))
    injected = injected if injected <= scan else injected - timedelta(days=1)
    elapsed_s = (scan - injected).total_seconds()
    if fault := _implausible("RadiopharmaceuticalStartTime", elapsed_s, half_life_s):
        raise InputError(fault)
    if half_life_s < LONG_HALF_LIFE_S:
        return elapsed_s, ()
    day = "the day of the scan" if injected.date() == scan.date() else "the day before the scan"
    return elapsed_s, (f"the date of injection is not stated: SUV takes {day}, and a half-life of days needs to know",)


def _clock_note(clock: str, injected: datetime, stamp: str, header: Dataset) -> tuple[str, ...]:
    """Say if both attributes of injection are there and contradict each other, or if a time zone had to be assumed."""
    notes = []
    if _DATE_TIME.fullmatch(stamp) and stamp[-5] in "+-" and _utc_offset(header) is None:
        notes.append(
            f"{tagged('TimezoneOffsetFromUTC')} is missing: {tagged('RadiopharmaceuticalStartDateTime')} was taken for "
            "the time zone of the series"
        )
    try:
        other = _on_day(injected.strftime("%Y%m%d"), clock, "") if clock else injected
    except InputError:
        return tuple(notes)
    apart_s = abs((other - injected).total_seconds())
    if min(apart_s, 86400.0 - apart_s) > SAME_CLOCK_S:
        notes.append(
            f"{tagged('RadiopharmaceuticalStartDateTime')} and {tagged('RadiopharmaceuticalStartTime')} contradict "
            "each other; SUV follows the first"
        )
    return tuple(notes)


def _implausible(keyword: str, elapsed_s: float, half_life_s: float) -> str:
    """Say why a time of injection cannot be right; empty if it can."""
    if elapsed_s < 0:
        return f"{tagged(keyword)} is later than the scan; correct the header"
    if elapsed_s <= MOST_HALF_LIVES * half_life_s:
        return ""
    return (
        f"{tagged(keyword)} lies {elapsed_s / 3600:.4g} h before the scan, {elapsed_s / half_life_s:.3g} half-lives of "
        f"{half_life_s:g} s, at most {MOST_HALF_LIVES:g} are plausible; correct the header"
    )


def _moment(header: Dataset, what: str) -> datetime:
    return _on_day(text(header, f"{what}Date"), text(header, f"{what}Time"), f"{what}Date or {what}Time")


def _on_day(date: str, clock: str, tag: str) -> datetime:
    """Read DICOM's YYYYMMDD and HHMM[SS[.FFFFFF]]; the old forms with points and colons are read too."""
    found = _TIME.fullmatch(clock.strip().replace(":", ""))
    if not found:
        raise InputError(f"{tag} is not a DICOM date and time with hours and minutes; correct the header")
    return _parsed(date.strip().replace(".", ""), found[1], found[2], tag)


def _date_time(stamp: str, header: Dataset, tag: str) -> datetime:
    """Read DICOM's YYYYMMDDHHMM[SS[.FFFFFF]][&ZZXX] as a time of the series' own time zone."""
    found = _DATE_TIME.fullmatch(stamp.strip())
    if not found:
        raise InputError(f"{tag} is not a DICOM date and time with hours and minutes; correct the header")
    moment = _parsed(found[1], found[2], found[3], tag)
    local = _utc_offset(header)
    own = _offset(found[4] or "")
    return moment if own is None or local is None else moment - own + local


def _parsed(date: str, clock: str, fraction: str | None, tag: str) -> datetime:
    try:
        moment = datetime.strptime(date + clock.ljust(6, "0"), "%Y%m%d%H%M%S")
    except ValueError:
        raise InputError(f"{tag} is not a DICOM date and time; correct the header") from None
    return moment + timedelta(seconds=float(f"0{fraction or '.0'}"))


def _utc_offset(header: Dataset) -> timedelta | None:
    return _offset(str(header.get("TimezoneOffsetFromUTC", "") or "").strip())


def _offset(zone: str) -> timedelta | None:
    found = _OFFSET.fullmatch(zone)
    if not found:
        return None
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return -offset if found[1] == "-" else offset
