"""Outlines and ratings of LIDC-IDRI: one XML file per scan with the sessions of up to four readers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import InputError

NAMESPACE = "{http://www.nih.gov}"
CT_ROOT = "LidcReadMessage"
LOWEST_RATING, HIGHEST_RATING = 1, 5


@dataclass(frozen=True, eq=False)
class Outline:
    """What one reader drew on one slice.

    Args:
        z_mm: place of the slice, the last coordinate of its ImagePositionPatient.
        pixels: columns and rows of the outline, int, shape (n, 2).
        inclusion: False for the outline of a hole.
    """

    z_mm: float
    pixels: NDArray[np.int64]
    inclusion: bool

    @cached_property
    def inside(self) -> NDArray[np.int64]:
        """Columns and rows of the nodule's pixels, shape (m, 2).

        The readers marked the first pixels outside the nodule, so the outline itself does not belong to it; where it
        encloses nothing, it does.
        """
        from skimage.draw import polygon

        rows, columns = polygon(self.pixels[:, 1], self.pixels[:, 0])
        drawn = set(map(tuple, self.pixels.tolist()))
        within = [pixel for pixel in zip(columns.tolist(), rows.tolist(), strict=True) if pixel not in drawn]
        return np.array(within or sorted(drawn), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Annotation:
    """One nodule of at least 3 mm as one reader saw it.

    Args:
        reader: index of the reading session.
        name: the reader's own identifier of the nodule.
        malignancy: rating, 1 (highly unlikely) to 5 (highly suspicious).
        outlines: one or more.
    """

    reader: int
    name: str
    malignancy: int
    outlines: tuple[Outline, ...]

    @cached_property
    def centre(self) -> NDArray[np.float64]:
        """Mean column and row (pixels) and z (mm) of the nodule's pixels."""
        parts = [(outline.inside, outline.z_mm) for outline in self.outlines if outline.inclusion]
        points = np.concatenate([np.column_stack([pixels, np.full(len(pixels), z)]) for pixels, z in parts])
        return points.mean(axis=0)

    @cached_property
    def diameter_px(self) -> float:
        """Diameter of the circle that has the area of the largest slice, holes taken off, in pixels."""
        areas: dict[float, int] = {}
        for outline in self.outlines:
            sign = 1 if outline.inclusion else -1
            areas[outline.z_mm] = areas.get(outline.z_mm, 0) + sign * len(outline.inside)
        return float(np.sqrt(4 * max(areas.values()) / np.pi))


@dataclass(frozen=True, eq=False)
class ScanAnnotations:
    """What all readers drew on one scan.

    Args:
        series_uid: SeriesInstanceUID of the scan.
        annotations: nodules of at least 3 mm, reader by reader.
    """

    series_uid: str
    annotations: tuple[Annotation, ...]


def read_annotations(path: Path) -> ScanAnnotations | None:
    """Read the annotations of one CT scan; smaller nodules and other findings, which have no rating, are left out.

    Returns:
        None for the annotations of a radiograph, which LIDC-IDRI has too.

    Raises:
        InputError: a file that is damaged or not as LIDC-IDRI's are.

    Source:
        Armato et al., The Lung Image Database Consortium, Medical Physics 38(2), 2011; the XML schema is TCIA's.
    """
    try:
        root = ElementTree.parse(path).getroot()  # noqa: S314 (the collection's own files; nothing is expanded)
    except (OSError, ElementTree.ParseError) as error:
        raise InputError(f"{path}: the annotations cannot be read ({error}); download the file again") from error
    if root.tag.removeprefix(NAMESPACE) != CT_ROOT:
        return None
    try:
        sessions = _children(root, "readingSession")
        found = [
            each
            for reader, session in enumerate(sessions)
            for node in _children(session, "unblindedReadNodule")
            if (each := _annotation(node, reader)) is not None
        ]
        return ScanAnnotations(_text(_children(root, "ResponseHeader")[0], "SeriesInstanceUid"), tuple(found))
    except (IndexError, ValueError) as error:
        raise InputError(f"{path}: not annotations as LIDC-IDRI has them: {error}") from error


def _annotation(node: Any, reader: int) -> Annotation | None:
    name = _text(node, "noduleID")
    traits = _children(node, "characteristics")
    if not traits or not _children(traits[0], "malignancy"):
        return None
    malignancy = int(_text(traits[0], "malignancy"))
    if malignancy == 0:  # a reader who gave no rating
        return None
    if not LOWEST_RATING <= malignancy <= HIGHEST_RATING:
        raise ValueError(f"malignancy of nodule {name} must be 1 to 5, got {malignancy}")
    outlines = tuple(_outline(roi) for roi in _children(node, "roi"))
    if not any(outline.inclusion for outline in outlines):
        raise ValueError(f"nodule {name} has a rating and no outline")
    return Annotation(reader, name, malignancy, outlines)


def _outline(roi: Any) -> Outline:
    pixels = [(int(_text(edge, "xCoord")), int(_text(edge, "yCoord"))) for edge in _children(roi, "edgeMap")]
    if not pixels:
        raise ValueError("an outline without a pixel")
    inclusion = _text(roi, "inclusion").upper() == "TRUE"
    return Outline(float(_text(roi, "imageZposition")), np.array(pixels, dtype=np.int64), inclusion)


def _children(node: Any, name: str) -> list[Any]:
    return [child for child in node if child.tag.removeprefix(NAMESPACE) == name]


def _text(node: Any, name: str) -> str:
    found = _children(node, name)
    if not found or not (found[0].text or "").strip():
        raise ValueError(f"{node.tag.removeprefix(NAMESPACE)} without {name}")
    return found[0].text.strip()
