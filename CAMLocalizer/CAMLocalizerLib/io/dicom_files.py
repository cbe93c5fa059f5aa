"""Find DICOM files in a folder and read their headers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..core import InputError, SeriesError
from .names import ENDINGS, ending
from .signatures import HEAD_BYTES, is_dicom

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

NON_IMAGE_MODALITIES = frozenset({"SEG", "PR", "KO", "SR", "RTSTRUCT", "RTPLAN", "RTDOSE", "REG"})
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, eq=False)
class Entry:
    """One file of a series.

    Args:
        path: the file.
        header: all attributes except the pixels.
    """

    path: Path
    header: Dataset

    @property
    def frames(self) -> int:
        """NumberOfFrames, 1 if missing."""
        return int(self.header.get("NumberOfFrames", 1) or 1)


def image_entries(folder: Path) -> Iterator[Entry]:
    """Find the DICOM images of a folder and its subfolders, including links, in the order of their paths.

    Raises:
        InputError: no such folder, or a damaged DICOM file in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    for path in sorted(list_files(folder)):
        if entry := read_entry(path):
            yield entry


def list_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and its subfolders except hidden ones; links to folders are followed once."""
    visited: set[str] = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        yield from (path for name in names if not name.startswith(".") and (path := Path(root, name)).is_file())


def read_entry(path: Path) -> Entry | None:
    """Read a file's header; None if it is not a DICOM image.

    Raises:
        InputError: a file that is damaged or cannot be opened; a damaged ``.dcm`` file is not taken as a missing slice.
    """
    from pydicom import dcmread

    damaged = InputError(f"{path}: the DICOM file is empty, truncated or damaged; copy or export it again")
    claimed = ENDINGS.get(ending(path)) == "DICOM"
    try:
        with path.open("rb") as stream:
            if not is_dicom(stream.read(HEAD_BYTES)):
                if claimed:
                    raise damaged
                return None
            stream.seek(0)
            header = dcmread(stream, stop_before_pixels=True, force=True)
            least = stream.tell() + _pixel_bytes(header)
        image = "Rows" in header and str(header.get("Modality", "")) not in NON_IMAGE_MODALITIES
    except PermissionError:
        raise InputError(f"{path}: cannot be opened (permission denied)") from None
    except InputError:
        raise
    except Exception as error:  # a damaged file can fail anywhere in the parser
        raise damaged from error
    if path.stat().st_size < least:
        raise damaged
    return Entry(path, header) if image else None


def transfer_syntax(header: Dataset) -> UID:
    """Return TransferSyntaxUID; if missing, the uncompressed transfer syntax of the detected encoding."""
    from pydicom import uid

    stated = getattr(header.file_meta, "TransferSyntaxUID", None) if hasattr(header, "file_meta") else None
    if stated:
        return uid.UID(stated)
    implicit, little = header.original_encoding
    if implicit:
        return uid.ImplicitVRLittleEndian
    return uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian


def _pixel_bytes(header: Dataset) -> int:
    """Minimum number of bytes of the pixels and their tag; only the tag if they are compressed."""
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    syntax = transfer_syntax(header)
    if syntax == DeflatedExplicitVRLittleEndian:
        return 0
    tag = 8 if syntax.is_implicit_VR else 12
    if "Rows" not in header:
        stored = getattr(header.file_meta, "MediaStorageSOPClassUID", None)
        return tag if stored and stored.name.endswith("Image Storage") else 0
    if syntax.is_compressed:
        return tag + 1
    frames = int(header.get("NumberOfFrames", 1) or 1)
    bits = int(header.Rows) * int(header.Columns) * int(header.get("SamplesPerPixel", 1)) * int(header.BitsAllocated)
    return tag + frames * bits // 8


def drop_duplicates(entries: Sequence[Entry]) -> tuple[list[Entry], tuple[str, ...]]:
    """Keep one file of each SOPInstanceUID.

    Returns:
        The remaining files, and a note if there were copies.

    Raises:
        SeriesError: two files with the same SOPInstanceUID but different content.
    """
    kept: dict[str, Entry] = {}
    copies = 0
    for entry in entries:
        uid = str(entry.header.get("SOPInstanceUID", "") or entry.path)
        first = kept.setdefault(uid, entry)
        if first is not entry:
            _check_copy(first, entry)
            copies += 1
    files = "one file is an identical copy" if copies == 1 else f"{copies} files are identical copies"
    return list(kept.values()), (f"{files} of others (same SOPInstanceUID); each was used once",) if copies else ()


def _check_copy(first: Entry, second: Entry) -> None:
    """Check that two files with the same SOPInstanceUID have the same content, apart from how they were written."""
    if _same_bytes(first.path, second.path) or _content(first.path) == _content(second.path):
        return
    raise SeriesError(
        f"{second.path}: has the SOPInstanceUID (0008,0018) of {first.path.name} but other content; keep one of them"
    )


def _same_bytes(first: Path, second: Path) -> bool:
    if first.stat().st_size != second.stat().st_size:
        return False
    with first.open("rb") as one, second.open("rb") as two:
        while chunk := one.read(CHUNK_BYTES):
            if chunk != two.read(CHUNK_BYTES):
                return False
    return True


def _content(path: Path) -> tuple[bytes, str]:
    """Return the stored pixels and the attributes that position and scale them."""
    from pydicom import dcmread

    header = dcmread(path, force=True)
    place = [
        str(header.get(name, ""))
        for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope")
    ]
    pixels = next((bytes(header[name].value) for name in PIXEL_KEYWORDS if name in header), b"")
    return pixels.rstrip(b"\0"), "|".join([*place, str(transfer_syntax(header).is_compressed)])
