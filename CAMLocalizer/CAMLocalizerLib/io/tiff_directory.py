"""Check the chain of directories in a TIFF file, which can make the image library loop forever."""

from __future__ import annotations

import struct
from pathlib import Path

from ..core import InputError

MAX_PAGES = 10000


def check_tiff(path: Path) -> None:
    """Check that the directories of a TIFF file form a finite chain within the file.

    Raises:
        InputError: directories that form a loop or lie beyond the end of the file.

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
            if place in seen or len(seen) >= MAX_PAGES:
                raise InputError(f"{path}: the TIFF file is damaged: its pages form a loop; export it again")
            seen.add(place)
            number = struct.unpack_from(order + count, data, place)[0]
            behind = place + struct.calcsize(order + count) + number * entry
            place = struct.unpack_from(order + word, data, behind)[0]
    except struct.error:
        raise InputError(f"{path}: the TIFF file is truncated or damaged; copy or export it again") from None
