"""Concatenations: multi-frame objects that are stored in several files."""

from __future__ import annotations

from collections.abc import Sequence

from ..core import SeriesError
from .dicom_files import Entry
from .dicom_values import with_tag

JOINED_NOTE = "the parts of a concatenation were joined"


def join_concatenations(entries: Sequence[Entry]) -> tuple[list[Entry], tuple[str, ...]]:
    """Sort the parts of concatenations and check that none is missing.

    Args:
        entries: files of one series, any order.

    Returns:
        All files, parts of a concatenation in order, and a note if there were any.

    Raises:
        SeriesError: a part that is missing or duplicated.

    Source: DICOM PS3.3 C.7.6.16.2.2.4.
    """
    parts: dict[str, list[Entry]] = {}
    others = []
    for entry in entries:
        uid = str(entry.header.get("ConcatenationUID", "") or "")
        parts.setdefault(uid, []).append(entry) if uid else others.append(entry)
    ordered = [sorted(group, key=_number) for group in parts.values()]
    notes = tuple(note for group in ordered if (note := _check(group)))
    return [*others, *(entry for group in ordered for entry in group)], notes


def _number(entry: Entry) -> int:
    return int(entry.header.get("InConcatenationNumber", 0) or 0)


def _check(parts: Sequence[Entry]) -> str:
    """Check that parts are numbered 1, 2, ... without gaps and that their frames are consecutive."""
    first = parts[0].header
    total = max(int(entry.header.get("InConcatenationTotalNumber", 0) or 0) for entry in parts)
    numbers = [_number(entry) for entry in parts]
    if numbers != list(range(1, len(parts) + 1)) or (total and total != len(parts)):
        have = ", ".join(map(str, numbers))
        raise SeriesError(
            f"contains part {have} of {total or 'an unknown number'} of a concatenation "
            f"({with_tag('InConcatenationNumber')}); give the folder with all parts"
        )
    if not total and len(parts) == 1:
        raise SeriesError(
            f"is part 1 of a concatenation ({with_tag('ConcatenationUID')}) of unknown length; give all parts"
        )
    begin = 0
    for entry in parts:
        offset = entry.header.get("ConcatenationFrameOffsetNumber")
        if offset is not None and int(offset) != begin:
            raise SeriesError(
                f"{entry.path.name} starts with frame {int(offset) + 1} of a concatenation, frame {begin + 1} is "
                "expected; give the folder with all parts"
            )
        begin += entry.frames
    if total == 1:
        return ""
    unsure = "" if total else f"; {with_tag('InConcatenationTotalNumber')} is missing, so that more may exist"
    return f"{JOINED_NOTE}: {len(parts)} files of {begin} frames{unsure}" if first is not None else ""
