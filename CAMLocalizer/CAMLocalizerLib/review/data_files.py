"""Files beside a header from which a volume takes its voxels; none of them may lie outside the folder of a review."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..core import InputError
from ..io.dicom_files import list_files
from ..io.names import ending
from ..io.nifti_header import pair_partner

NRRD = frozenset({".nrrd", ".nhdr"})
META = frozenset({".mha", ".mhd"})
FIELDS = {
    **dict.fromkeys(NRRD, re.compile(rb"\s*data\s*file\s*:=?(.*)", re.IGNORECASE)),
    **dict.fromkeys(META, re.compile(rb"\s*ElementDataFile\s*[=:](.*)", re.IGNORECASE)),
}
PAIRS = frozenset({".hdr", ".hdr.gz", ".img", ".img.gz"})
OWN = "local"  # the voxels follow the header
MANY = "list"  # a name on each further line
LINE_BYTES = 4096


def check_data_files(path: Path, root: Path) -> None:
    """Refuse a volume that takes its voxels from outside a folder.

    Args:
        path: volume in the folder, a file or a folder of DICOM files.
        root: the folder, resolved.

    Raises:
        InputError: a header that names a file elsewhere, or a folder with a link that leads there.
    """
    if path.is_dir():
        if any(not _resolved(file).is_relative_to(root) for file in list_files(path)):
            raise InputError(f"{path.name} holds links that lead out of the folder of this review")
        return
    for name in _named_files(path):
        if not _resolved(path.parent / name).is_relative_to(root):
            raise InputError(f"{path.name} takes its voxels from {name}, outside the folder of this review")


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        raise InputError(f"{path.name!r} is not a file name") from None


def _named_files(path: Path) -> Iterator[str]:
    """Yield the files that a header names; of a pattern with numbers, the pattern."""
    if ending(path) in PAIRS and (other := pair_partner(path)):
        yield other.name
    field = FIELDS.get(ending(path)) if path.is_file() else None
    if field is None:
        return
    lines = _lines(path)
    for line in lines:
        if not line.strip() and ending(path) in NRRD:
            return
        if found := field.match(line):
            value = found[1].decode("utf-8", "replace").strip()
            kind = value.split(" ")[0].lower()
            if kind == MANY:
                yield from (text for other in lines if (text := other.decode("utf-8", "replace").strip()))
            elif kind != OWN:
                yield from {value, value.split(" ")[0]}
            if ending(path) in META or kind == MANY:
                return


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        yield from iter(lambda: stream.readline(LINE_BYTES), b"")
