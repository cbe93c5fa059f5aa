"""Check the directories of a TIFF file, which can make the image library loop forever or exhaust memory."""

from __future__ import annotations

import struct
from pathlib import Path

from ..core import InputError

MAX_PAGES = 10000
# An image with more pixels than this needs at least one byte per MAX_PIXELS_PER_BYTE pixels, a ratio that LZW, the
# best compression of grey values in TIFF, does not reach.
MANY_PIXELS, MAX_PIXELS_PER_BYTE = 1 << 28, 4096
WIDTH, HEIGHT, SAMPLES = 256, 257, 277
VALUE_AT = {12: 8, 20: 12}  # offset of an entry's value, by the size of the entry
NUMBER_FORMATS = {3: "H", 4: "I", 16: "Q"}  # of the types SHORT, LONG and LONG8


def check_tiff(path: Path) -> None:
    """Check that the directories of a TIFF file form a finite chain and describe images that fit into the file.

    Args:
        path: a file that starts like TIFF or BigTIFF.

    Raises:
        InputError: directories that form a loop or lie beyond the end of the file, or an image too large for the file.

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
            first = place + struct.calcsize(order + count)
            _check_size(path, _numbers(data, order, range(first, first + number * entry, entry)), len(data))
            place = struct.unpack_from(order + word, data, first + number * entry)[0]
    except struct.error:
        raise InputError(f"{path}: the TIFF file is truncated or damaged; copy or export it again") from None


def _numbers(data: bytes, order: str, entries: range) -> dict[int, int]:
    """Return the integer values of a directory by tag."""
    values = {}
    for place in entries:
        tag, kind = struct.unpack_from(order + "HH", data, place)
        if kind in NUMBER_FORMATS:
            values[tag] = struct.unpack_from(order + NUMBER_FORMATS[kind], data, place + VALUE_AT[entries.step])[0]
    return values


def _check_size(path: Path, values: dict[int, int], file_size: int) -> None:
    width, height = values.get(WIDTH, 0), values.get(HEIGHT, 0)
    pixels = width * height * values.get(SAMPLES, 1)
    if pixels > max(MANY_PIXELS, MAX_PIXELS_PER_BYTE * file_size):
        raise InputError(
            f"{path}: the TIFF file is damaged: it describes a picture of {width} x {height} pixels, but has only "
            f"{file_size} bytes; export it again"
        )
