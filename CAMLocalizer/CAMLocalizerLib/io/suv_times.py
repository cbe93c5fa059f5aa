"""Times of scan and tracer injection of a PET, from headers that may be inconsistent."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..core import InputError
from .dicom_values import number_value, positive_value, private_text, text_value, with_tag

if TYPE_CHECKING:
    from pydicom import Dataset

MAX_HALF_LIVES = 6.0
SAME_CLOCK_S = 60.0
LONG_HALF_LIFE_S = 6 * 3600.0
_GE_SCAN_DATETIME = (0x0009, 0x100D)
_DATE_TIME = re.compile(r"(\d{8})(\d{4}(?:\d{2})?)(\.\d{1,6})?([+-]\d{4})?")
_TIME = re.compile(r"(\d{4}(?:\d{2})?)(\.\d{1,6})?")
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})")


def scan_time(headers: Sequence[Dataset]) -> datetime:
    """Return the time to which a series with DecayCorrection START is corrected.

    This is the series time, unless it is later than the first acquisition, as after processing. In that case it is GE's
    private scan time, or the acquisition time minus the frame reference time plus the time of the mean count rate.

    Raises:
        InputError: a date or time that is missing or damaged.
    """
    first = min(headers, key=lambda header: _moment(header, "Acquisition"))
    series, acquired = _moment(first, "Series"), _moment(first, "Acquisition")
    if series <= acquired:
        return series
    if stamp := private_text(first, _GE_SCAN_DATETIME):
        return _date_time(stamp, first, "GE scan time (0009,100D)")
    half_life_s = positive_value(radiopharmaceutical(first), "RadionuclideHalfLife")
    frame_s = positive_value(first, "ActualFrameDuration") / 1000.0
    reference_s = number_value(first, "FrameReferenceTime") / 1000.0
    return acquired - timedelta(seconds=reference_s - _mean_rate_time(frame_s, half_life_s))


def radiopharmaceutical(header: Dataset) -> Dataset:
    """Return the first item of RadiopharmaceuticalInformationSequence.

    Raises:
        InputError: the sequence is missing or empty.
    """
    sequence = header.get("RadiopharmaceuticalInformationSequence")
    if not sequence:
        raise InputError(f"{with_tag('RadiopharmaceuticalInformationSequence')} is missing; SUV cannot be computed")
    return sequence[0]


def _mean_rate_time(frame_s: float, half_life_s: float) -> float:
    """Return the time within a frame at which the count rate equals its mean over the frame."""
    decay = math.log(2.0) / half_life_s
    return math.log(decay * frame_s / -math.expm1(-decay * frame_s)) / decay


def decay_time_s(header: Dataset, scan: datetime) -> tuple[float, tuple[str, ...]]:
    """Return the decay time between injection and scan, and the assumptions made.

    RadiopharmaceuticalStartDateTime is used if the time since then is between 0 and 6 half-lives, after which less than
    2 % of the dose remains. Otherwise, for example if dates were shifted for de-identification,
    RadiopharmaceuticalStartTime is used, on the day of the scan or the day before.

    Args:
        header: header of the first slice.
        scan: from :func:`scan_time`.

    Returns:
        Seconds, and one sentence for each assumption.

    Raises:
        InputError: no time of injection gives a plausible decay; the message names the attribute.

    Source: DICOM PS3.3 C.8.9.2 and C.12.1.1.8, PS3.5 6.2 (offset from UTC).
    """
    tracer = radiopharmaceutical(header)
    half_life_s = positive_value(tracer, "RadionuclideHalfLife")
    stamp = str(tracer.get("RadiopharmaceuticalStartDateTime", "") or "").strip()
    clock = str(tracer.get("RadiopharmaceuticalStartTime", "") or "").strip()
    if not stamp:
        return _elapsed_by_time_of_day(clock, scan, half_life_s)
    try:
        injected = _date_time(stamp, header, with_tag("RadiopharmaceuticalStartDateTime"))
        elapsed_s = (scan - injected).total_seconds()
        fault = _implausible("RadiopharmaceuticalStartDateTime", elapsed_s, half_life_s)
    except InputError as error:
        fault = str(error)
    if not fault:
        return elapsed_s, _injection_notes(clock, injected, stamp, header)
    if not clock:
        raise InputError(fault)
    elapsed_s, notes = _elapsed_by_time_of_day(clock, scan, half_life_s)
    used = f"{with_tag('RadiopharmaceuticalStartTime')} was used for SUV instead"
    return elapsed_s, (f"{fault.partition(';')[0]}; {used}", *notes)


def _elapsed_by_time_of_day(clock: str, scan: datetime, half_life_s: float) -> tuple[float, tuple[str, ...]]:
    """Use a time of day without date; a time later than the scan is taken from the day before."""
    if not clock:
        raise InputError(f"{with_tag('RadiopharmaceuticalStartTime')} is missing; SUV cannot be computed without it")
    injected = _on_day(scan.strftime("%Y%m%d"), clock, with_tag("RadiopharmaceuticalStartTime"))
    injected = injected if injected <= scan else injected - timedelta(days=1)
    elapsed_s = (scan - injected).total_seconds()
    if fault := _implausible("RadiopharmaceuticalStartTime", elapsed_s, half_life_s):
        raise InputError(fault)
    if half_life_s < LONG_HALF_LIFE_S:
        return elapsed_s, ()
    day = "the day of the scan" if injected.date() == scan.date() else "the day before the scan"
    return elapsed_s, (f"the date of injection is missing: SUV assumes {day}; with this half-life the day matters",)


def _injection_notes(clock: str, injected: datetime, stamp: str, header: Dataset) -> tuple[str, ...]:
    """Return notes if both times of injection contradict each other, or if a time zone was assumed."""
    notes = []
    if _DATE_TIME.fullmatch(stamp) and stamp[-5] in "+-" and _utc_offset(header) is None:
        notes.append(
            f"{with_tag('TimezoneOffsetFromUTC')} is missing: {with_tag('RadiopharmaceuticalStartDateTime')} is taken "
            "to be in the series' time zone"
        )
    try:
        other = _on_day(injected.strftime("%Y%m%d"), clock, "") if clock else injected
    except InputError:
        return tuple(notes)
    apart_s = abs((other - injected).total_seconds())
    if min(apart_s, 86400.0 - apart_s) > SAME_CLOCK_S:
        notes.append(
            f"{with_tag('RadiopharmaceuticalStartDateTime')} and {with_tag('RadiopharmaceuticalStartTime')} contradict "
            "each other; SUV uses the first"
        )
    return tuple(notes)


def _implausible(keyword: str, elapsed_s: float, half_life_s: float) -> str:
    """Return why a time of injection is implausible; empty if it is plausible."""
    if elapsed_s < 0:
        return f"{with_tag(keyword)} is later than the scan; correct the header"
    if elapsed_s <= MAX_HALF_LIVES * half_life_s:
        return ""
    return (
        f"{with_tag(keyword)} lies {elapsed_s / 3600:.4g} h before the scan, {elapsed_s / half_life_s:.3g} half-lives "
        f"of {half_life_s:g} s, at most {MAX_HALF_LIVES:g} are plausible; correct the header"
    )


def _moment(header: Dataset, what: str) -> datetime:
    return _on_day(text_value(header, f"{what}Date"), text_value(header, f"{what}Time"), f"{what}Date or {what}Time")


def _on_day(date: str, clock: str, tag: str) -> datetime:
    """Parse DICOM's YYYYMMDD and HHMM[SS[.FFFFFF]], including the old formats with points and colons."""
    found = _TIME.fullmatch(clock.strip().replace(":", ""))
    if not found:
        raise InputError(f"{tag} is not a DICOM date and time with hours and minutes; correct the header")
    return _parsed(date.strip().replace(".", ""), found[1], found[2], tag)


def _date_time(stamp: str, header: Dataset, tag: str) -> datetime:
    """Parse DICOM's YYYYMMDDHHMM[SS[.FFFFFF]][&ZZXX] and convert it to the time zone of the series."""
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
