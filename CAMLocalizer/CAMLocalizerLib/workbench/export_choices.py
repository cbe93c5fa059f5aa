"""The further files that a reviewer can have exported: the same list in the panel and in the browser."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class ExportChoice:
    """A check box for a kind of file.

    Args:
        name: of :data:`CAMLocalizerLib.case_files.EXPORT_FILES`.
        title: what a check box says.
        hint: what the file holds.
        dicom: whether it refers to the DICOM series that the volume came from.
    """

    name: str
    title: str
    hint: str
    dicom: bool = False


EXPORT_CHOICES = (
    ExportChoice("html", "Report (HTML)", "A page with pictures, components and settings, for any browser."),
    ExportChoice("radiomics", "Radiomics (CSV)", "Features of shape, intensity and texture of each component."),
    ExportChoice("stl", "Surface (STL)", "The surface of the tumour, for 3D programs and printers."),
    ExportChoice("dicom-seg", "DICOM SEG", "The label map as a DICOM segmentation.", dicom=True),
    ExportChoice("dicom-sr", "DICOM SR", "The measurements as a DICOM structured report; with DICOM SEG.", dicom=True),
    ExportChoice(
        "dicom-seg-fractional", "DICOM SEG of activation", "The activation map as a DICOM segmentation.", dicom=True
    ),
)
AT_FIRST = frozenset({"html", "dicom-seg", "dicom-sr"})
NOT_DICOM = "The volume was not read from DICOM."


def export_blocker(choice: ExportChoice, *, from_dicom: bool) -> str:
    """Return why a file cannot be exported; empty if it can.

    Args:
        choice: the kind of file.
        from_dicom: whether the DICOM series of the volume is known.
    """
    return NOT_DICOM if choice.dicom and not from_dicom else ""


def possible_exports(wanted: Iterable[str], *, from_dicom: bool) -> tuple[str, ...]:
    """Return the exports that are wanted and possible, in the order of the list."""
    chosen = set(wanted)
    return tuple(
        choice.name
        for choice in EXPORT_CHOICES
        if choice.name in chosen and not export_blocker(choice, from_dicom=from_dicom)
    )
