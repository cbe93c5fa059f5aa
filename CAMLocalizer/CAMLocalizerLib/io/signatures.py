"""Detect the format of a file from its first bytes."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

from ..core import InputError
from .names import ENDINGS, ending

HEAD_BYTES = 4096
_MAGIC = {
    b"NRRD": "NRRD",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",
    b"MM\x00+": "TIFF",
}
_NIFTI_SIZES = (b"\x5c\x01\0\0", b"\0\0\x01\x5c", b"\x1c\x02\0\0", b"\0\0\x02\x1c")
_FIRST_GROUPS = (0x0002, 0x0008, 0x0010)
_SHORT_VRS = tuple(f"{vr}".encode() for vr in ("CS", "UI", "DA", "TM", "SH", "LO", "PN", "UL", "US", "ST", "IS", "DT"))
_LONG_VRS = (b"OB", b"UN", b"SQ", b"UT")
_CONVERT = "which is not supported; convert it to NIfTI first"
_ARCHIVE = "an archive, which is not supported; unpack it first"
_UNSUPPORTED = {
    ".mnc": f"a MINC file, {_CONVERT} (mnc2nii)",
    ".par": f"a Philips PAR/REC file, {_CONVERT} (dcm2niix)",
    ".rec": f"a Philips PAR/REC file, {_CONVERT} (dcm2niix)",
    ".head": f"an AFNI file, {_CONVERT} (3dAFNItoNIFTI)",
    ".brik": f"an AFNI file, {_CONVERT} (3dAFNItoNIFTI)",
    ".v": f"an ECAT file, {_CONVERT}",
    ".bmp": "a BMP picture, which is not supported; save it as PNG first",
    ".gif": "a GIF picture, which is not supported; save it as PNG first",
} | dict.fromkeys((".zip", ".7z", ".rar", ".tar", ".tar.gz", ".tgz", ".bz2", ".xz", ".zst"), _ARCHIVE)
GZIP = b"\x1f\x8b"


def file_format(path: Path) -> str:
    """Return a file's format and check that it agrees with the file name.

    Args:
        path: the file; need not exist.

    Returns:
        ``NRRD``, ``NIfTI``, ``MetaImage``, ``MGH``, ``DICOM``, ``PNG``, ``JPEG`` or ``TIFF``.

    Raises:
        InputError: a file that is missing, unreadable, empty, of an unknown format or not of the format in its name.
    """
    head = _head(path)
    found, claimed = content_format(head), ENDINGS.get(ending(path), "")
    if not claimed and not found and (other := unsupported_format(path)):
        raise InputError(f"{path}: is {other}")
    if not claimed and not found:
        raise InputError(
            f"{path}: not a supported image format; give NRRD, NIfTI, MetaImage, MGH, DICOM, PNG, JPEG or TIFF"
        )
    if claimed == "MGH" or (claimed == "NIfTI" and ending(path).startswith(".img")):
        return claimed  # not recognisable: MGH has no signature, and the header of an .img file is a separate file
    if claimed and found != claimed:
        content = found or "something else"
        raise InputError(f"{path}: the name says {claimed}, but the content is {content}; rename or export it again")
    if found == "NIfTI" and (head[:2] == GZIP) != ending(path).endswith(".gz"):
        raise InputError(f"{path}: a compressed NIfTI file must be named .nii.gz and a plain one .nii; rename it")
    return found


def unsupported_format(path: Path) -> str:
    """Describe an unsupported format that is known by its extension, with a remedy; empty if there is none."""
    name = path.name.lower()
    return next((reason for known, reason in _UNSUPPORTED.items() if name.endswith(known)), "")


def content_format(head: bytes) -> str:
    """Return the format from a file's first bytes, decompressing gzip; empty if unsupported."""
    if head[:2] == GZIP:
        return "NIfTI" if _unzipped(head)[:4] in _NIFTI_SIZES else ""
    if is_dicom(head):
        return "DICOM"
    if head[:4] in _NIFTI_SIZES:
        return "NIfTI"
    if b"ElementDataFile" in head and b"NDims" in head:
        return "MetaImage"
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "")


def is_dicom(head: bytes) -> bool:
    """Return whether the first bytes are those of a DICOM file, with or without preamble.

    Old archives export files without preamble. They are recognised by their first two elements: of the groups 0002 or
    0008 in ascending order, in explicit or implicit little-endian encoding.

    Source: DICOM PS3.10 7.1 and PS3.5 7.1.
    """
    if head[128:132] == b"DICM":
        return True
    first = _element(head, 0)
    second = _element(head, first[1]) if first else None
    return bool(first and second and first[0] < second[0])


def _element(head: bytes, start: int) -> tuple[int, int] | None:
    """Return tag and end of the data element of group 0002, 0008 or 0010 at an offset; None if there is none."""
    if len(head) < start + 8:
        return None
    group, number = struct.unpack_from("<2H", head, start)
    if group not in _FIRST_GROUPS:
        return None
    if head[start + 4 : start + 6] in _SHORT_VRS:
        length = struct.unpack_from("<H", head, start + 6)[0]
    elif head[start + 4 : start + 6] in _LONG_VRS and len(head) >= start + 12:
        length = 4 + struct.unpack_from("<I", head, start + 8)[0]
    else:
        length = struct.unpack_from("<I", head, start + 4)[0]
    return (group << 16 | number, start + 8 + length) if length < HEAD_BYTES else None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file or folder") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror})") from error
    if not head:
        raise InputError(f"{path}: the file is empty")
    return head


def _unzipped(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""


def open_decompressed(path: Path) -> gzip.GzipFile:
    """Open a file for reading and decompress it if it is gzipped."""
    with path.open("rb") as stream:
        zipped = stream.read(2) == GZIP
    return gzip.open(path, "rb") if zipped else path.open("rb")  # type: ignore[return-value]
