"""The chain of directories in a TIFF file, which the image library would follow without end."""

from __future__ import annotations

import struct
from pathlib import Path

from ..core import InputError

MOST_PAGES = 10000


def check_tiff(path: Path) -> None:
    """See that the directories of a TIFF file follow each other to an end and name an image that fits into the file.

    Raises:
        InputError: directories in a circle or beyond the file.

    Source: TIFF 6.0, section 2; BigTIFF.
    """
    data = path.read_bytes()
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    word, count, entry = ("Q", "Q", 20) if big else ("I", "H", 12)
    seen: set[int] = set()
    try:
        place = struct.unpack_from(order + word, data, 8 if big else 4)[0]
        while place:
            if place in seen or len(seen) >= MOST_PAGES:
                raise InputError(f"{path}: the TIFF file is damaged: its pages go round in a circle; export it again")
            seen.add(place)
            number = struct.unpack_from(order + count, data, place)[0]
            behind = place + struct.calcsize(order + count) + number * entry
            place = struct.unpack_from(order + word, data, behind)[0]
    except struct.error:
        raise InputError(f"{path}: the TIFF file is truncated or damaged; copy or export it again") from None
