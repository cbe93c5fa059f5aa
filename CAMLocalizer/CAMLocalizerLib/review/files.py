"""The folder of a review: which volumes it holds, what may be read, and how uploads get in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex

from ..core import InputError
from ..io.discovery import list_inputs
from ..io.names import ENDINGS, ending
from ..io.signatures import HEAD_BYTES, content_format
from ..io.utf8_paths import is_utf8
from ..io.writing import output_errors

DEPTH = 2  # folders below the review's that are searched
LISTED = 200
PARTS = frozenset({".nhdr", ".mhd", ".hdr", ".hdr.gz", ".img", ".img.gz"})  # header and voxels are two files
FORMATS = frozenset(ENDINGS.values()) - {"DICOM"}
VOLUME_ENDINGS = frozenset(ENDINGS) - {".dcm", ".ima", ".seg.nrrd"}
UPLOADED_ENDINGS = VOLUME_ENDINGS - PARTS
LARGEST_UPLOAD = 4 * 1024**3  # bytes
NAME_LENGTH = 80


class ReviewFolder:
    """The one folder that a review reads from and writes into.

    Args:
        root: an existing folder.

    Raises:
        InputError: no such folder.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise InputError(f"{root}: no such folder; give one that the review may read from and write into")
        self.root = root.resolve()
        self._unread: set[str] = set()  # uploads that were not opened yet

    def inside(self, name: str) -> Path:
        """Return the path of a file or folder in here.

        Args:
            name: relative to the folder, as :meth:`volumes` gives it.

        Raises:
            InputError: a path that leads outside, by ``..``, as an absolute path or through a symbolic link.
        """
        try:
            path = (self.root / name).resolve()
        except (OSError, RuntimeError, ValueError):
            raise InputError(f"{name!r} is not a file name") from None
        if not name or not path.is_relative_to(self.root):
            raise InputError(f"{name} lies outside the folder of this review, {self.root}; copy it there first")
        return path

    def volumes(self) -> tuple[str, ...]:
        """Return the volumes in here, files and folders of DICOM files, by name; at most 200."""
        found: list[str] = []
        for path in list_inputs(self.root, depth=DEPTH, formats=FORMATS):
            inside = path.relative_to(self.root)
            if is_utf8(inside) and path.resolve().is_relative_to(self.root):  # the page cannot say other names
                found.append(inside.as_posix())
            if len(found) == LISTED:
                break
        return tuple(found)

    def free_name(self, name: str) -> Path:
        """Return a path in here for a file that is to be called ``name``, numbered if that name is taken.

        Args:
            name: any text; what is not a letter, digit, dot, hyphen or underscore becomes a hyphen.

        Raises:
            InputError: a name without the ending of a volume.
        """
        kind = ending(name)
        if kind not in UPLOADED_ENDINGS:
            raise InputError(f"{Path(name).name}: not a volume; give one of {', '.join(sorted(UPLOADED_ENDINGS))}")
        plain = re.split(r"[/\\]", name)[-1]
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", plain[: len(plain) - len(kind)]).strip(".-")[:NAME_LENGTH] or "scan"
        number, path = 1, self.root / f"{stem}{kind}"
        while path.exists():
            number += 1
            path = self.root / f"{stem}-{number}{kind}"
        return path

    async def save_upload(self, name: str, chunks: AsyncIterator[bytes], *, limit: int = LARGEST_UPLOAD) -> str:
        """Write an upload, under another name until it is complete.

        Args:
            name: what it is called on the reviewer's machine.
            chunks: its bytes.
            limit: most bytes that are taken.

        Returns:
            Its name in here.

        Raises:
            InputError: a name without the ending of a volume, a content of another kind, or more than ``limit`` bytes.
            OutputError: the folder cannot be written or the disk is full.
        """
        target = self.free_name(name)
        part = target.with_name(f".{token_hex(8)}.part")
        try:
            with output_errors(part), part.open("xb") as stream:
                size = 0
                async for chunk in chunks:
                    size += len(chunk)
                    if size > limit:
                        raise InputError(
                            f"{target.name} is larger than {limit / 1024**2:.0f} MB; copy it into the folder"
                        )
                    stream.write(chunk)
            _check_content(part, target.name)
            with output_errors(target):
                part.rename(target)
        finally:
            part.unlink(missing_ok=True)
        self._unread.add(target.name)
        return target.name

    def settle_upload(self, name: str, *, readable: bool) -> None:
        """Take an upload out of the folder again if it cannot be read; what lay in the folder before stays.

        Args:
            name: of any volume in here.
            readable: whether it could be opened.
        """
        if name in self._unread:
            self._unread.remove(name)
            if not readable:
                (self.root / name).unlink(missing_ok=True)


def _check_content(file: Path, name: str) -> None:
    with file.open("rb") as stream:
        found, claimed = content_format(stream.read(HEAD_BYTES)), ENDINGS[ending(name)]
    if found != claimed:
        raise InputError(f"{name}: the name says {claimed}, but the content is {found or 'something else'}")
