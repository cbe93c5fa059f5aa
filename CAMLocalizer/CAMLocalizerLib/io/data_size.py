"""Check that a file contains the voxels that its text header describes."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Mapping
from pathlib import Path

from ..core import InputError

# Smaller images are left to the image library, which fails without allocating much memory.
LARGE_BYTES = 1 << 28
DEFLATE_EXPANSION = 1100  # deflate expands one byte to at most 1032
NRRD_EXPANSION = {"raw": 1, "gzip": DEFLATE_EXPANSION, "gz": DEFLATE_EXPANSION}
AUTOMATIC = 47  # wbits for zlib or gzip streams with the largest window
CHUNK_BYTES = 1 << 20
_BITS = re.compile(r"u?int(8|16|32|64)(_t)?$")
BYTES_PER_VOXEL = {
    **dict.fromkeys(("char", "signed char", "unsigned char", "uchar", "met_char", "met_uchar"), 1),
    **dict.fromkeys(("short", "signed short", "unsigned short", "ushort", "short int", "met_short", "met_ushort"), 2),
    **dict.fromkeys(("int", "signed int", "unsigned int", "uint", "float"), 4),
    **dict.fromkeys(("met_int", "met_uint", "met_long", "met_ulong", "met_float"), 4),
    **dict.fromkeys(("long long", "longlong", "ulonglong", "double"), 8),
    **dict.fromkeys(("met_long_long", "met_ulong_long", "met_double"), 8),
}


def check_data_size(path: Path, fields: Mapping[str, str], kind: str) -> None:
    """Check that a file is large enough for the voxels that its header describes.

    The image library would allocate memory for all voxels before it detects the truncated data.

    Args:
        path: header file, with or without data.
        fields: fields of the header, names in lower case.
        kind: ``NRRD`` or ``MetaImage``.

    Raises:
        InputError: too many voxels.
    """
    sizes, voxel, expansion, data_file = (_nrrd if kind == "NRRD" else _meta_image)(fields)
    present = _size_of(path, data_file)
    if not sizes or not expansion or present is None:
        return
    described = math.prod(sizes) * max(voxel, 1)
    if described > max(LARGE_BYTES, expansion * present):
        raise InputError(
            f"{path}: the {kind} file is truncated or damaged: its header describes "
            f"{' x '.join(map(str, sizes))} voxels, but the data have only {present} bytes; copy or export it again"
        )


def check_deflated_meta_image(path: Path, fields: Mapping[str, str]) -> None:
    """Check the compressed data of a MetaImage, since the image library reads damaged data without an error.

    Args:
        path: header file, with or without data.
        fields: fields of the header, names in lower case.

    Raises:
        InputError: data that are truncated, damaged or do not have the length in the header, or a missing field
            ``CompressedDataSize``, without which the image library would read zeros.
    """
    sizes, voxel, expansion, data_file = _meta_image(fields)
    if expansion != DEFLATE_EXPANSION or _size_of(path, data_file) is None:
        return
    if "compresseddatasize" not in fields:
        raise InputError(f"{path}: its data are compressed, but CompressedDataSize is missing; save it uncompressed")
    described = math.prod(sizes) * voxel
    found = _inflated_bytes(path.parent / data_file, 0) if data_file else _inflated_bytes(path, _end_of_header(path))
    if found is None:
        raise InputError(f"{path}: the compressed data are truncated or damaged; copy or export it again")
    if voxel and found != described:
        raise InputError(
            f"{path}: its header describes {described} bytes of voxels, but its data have {found}; export it again"
        )


def check_listed_files(path: Path, fields: Mapping[str, str]) -> None:
    """Check that a MetaImage that lists files of slices lists one for each, since the image library does not.

    Args:
        path: header file.
        fields: fields of the header, names in lower case.

    Raises:
        InputError: too few or too many files, or one that is missing.
    """
    word, _, dimension = fields.get("elementdatafile", "").partition(" ")
    if word != "LIST":
        return
    sizes = _whole_numbers(fields.get("dimsize", ""))
    per_file = int(dimension[0]) if dimension[:1].isdecimal() else len(sizes) - 1
    with path.open("rb") as stream:
        stream.seek(_end_of_header(path))
        names = [line.decode("utf-8", "replace").strip() for line in stream if line.strip()]
    expected = math.prod(sizes[per_file:])
    if len(names) != expected:
        raise InputError(f"{path}: lists {len(names)} files, but its header describes {expected}; export it again")
    if missing := next((name for name in names if _size_of(path, name) is None), ""):
        raise InputError(f"{path}: the listed file {missing} is missing; copy it next to the header")


def _size_of(path: Path, data_file: str) -> int | None:
    """Return the bytes of the file with the data, which may lie in another folder; None if it is not a single file."""
    try:
        data = path.parent / data_file if data_file else path
        return data.stat().st_size if data.is_file() else None
    except (OSError, ValueError):
        return None


def _end_of_header(path: Path) -> int:
    with path.open("rb") as stream:
        while line := stream.readline():
            if line.startswith(b"ElementDataFile"):
                break
        return stream.tell()


def _inflated_bytes(path: Path, start: int) -> int | None:
    """Return the uncompressed size of a zlib or gzip stream; None if it is truncated or its checksum is wrong."""
    inflate, count = zlib.decompressobj(wbits=AUTOMATIC), 0
    with path.open("rb") as stream:
        stream.seek(start)
        try:
            while not inflate.eof and (chunk := stream.read(CHUNK_BYTES)):
                count += len(inflate.decompress(chunk, CHUNK_BYTES))
                while inflate.unconsumed_tail:
                    count += len(inflate.decompress(inflate.unconsumed_tail, CHUNK_BYTES))
        except zlib.error:
            return None
    return count if inflate.eof else None


def _nrrd(fields: Mapping[str, str]) -> tuple[list[int], int, int, str]:
    """Return sizes, bytes per voxel, maximum expansion of compressed data (0 if unknown), and the data file."""
    expansion = NRRD_EXPANSION.get(fields.get("encoding", "raw").lower(), 0)
    data_file = fields.get("data file", fields.get("datafile", ""))
    return _whole_numbers(fields.get("sizes", "")), _voxel_bytes(fields.get("type", "")), expansion, data_file


def _meta_image(fields: Mapping[str, str]) -> tuple[list[int], int, int, str]:
    """Return the same for MetaImage."""
    channels = _whole_numbers(fields.get("elementnumberofchannels", "1")) or [1]
    voxel = _voxel_bytes(fields.get("elementtype", "")) * channels[0]
    binary = fields.get("binarydata", "true").lower() in ("true", "1")
    expansion = DEFLATE_EXPANSION if fields.get("compresseddata", "false").lower() in ("true", "1") else 1
    data_file = fields.get("elementdatafile", "LOCAL")
    return (
        _whole_numbers(fields.get("dimsize", "")),
        voxel,
        expansion * binary,
        "" if data_file == "LOCAL" else data_file,
    )


def _voxel_bytes(name: str) -> int:
    """Return the bytes per voxel; 0 for an unknown type."""
    bits = _BITS.match(name.lower())
    return int(bits.group(1)) // 8 if bits else BYTES_PER_VOXEL.get(name.lower(), 0)


def _whole_numbers(text: str) -> list[int]:
    return [int(word) for word in text.split() if word.isdecimal()]
