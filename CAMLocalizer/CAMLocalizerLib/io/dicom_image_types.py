"""Detect DICOM images that look like slices of a volume but are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core import InputError
from .dicom_values import private_number, with_tag

if TYPE_CHECKING:
    from pydicom import Dataset

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_SIEMENS_IMAGES_IN_MOSAIC = (0x0019, 0x100A)
_UNITED_IMAGING_IMAGES_IN_GRID = (0x0065, 0x1050)
_TILED = frozenset({"MOSAIC", "TILED", "MONTAGE", "GRID"})
_FLOATS = ("FloatPixelData", "DoubleFloatPixelData")


def check_image_type(headers: Sequence[Dataset]) -> None:
    """Check that images are slices, neither mosaics of several slices nor secondary captures.

    Args:
        headers: headers of all files of a series.

    Raises:
        InputError: a Siemens mosaic or another tiling, secondary captures instead of a volume, or pixels of an
            unsupported type.

    Source: DICOM PS3.3 C.7.6.1.1.2 (ImageType), A.8 (secondary capture), C.7.6.17.3 (DimensionOrganizationType).
    """
    for header in headers:
        if found := _describe_tiling(header):
            raise InputError(f"contains {found}, not slices; convert it to NIfTI with dcm2niix first")
        if any(name in header for name in _FLOATS):
            raise InputError("contains floating-point pixels, which are not supported; convert it to NIfTI first")
    captures = [header for header in headers if is_secondary_capture(header)]
    frames = sum(int(header.get("NumberOfFrames", 1) or 1) for header in captures)
    if frames > 1:
        raise InputError(
            f"contains {frames} secondary captures ({with_tag('SOPClassUID')}), whose positions and values are not "
            "reliable; give the original series"
        )


def is_secondary_capture(header: Dataset) -> bool:
    """Return whether an image is a secondary capture, of one or several frames."""
    uid = str(header.get("SOPClassUID", ""))
    return uid == SECONDARY_CAPTURE or uid.startswith(f"{SECONDARY_CAPTURE}.")


def _describe_tiling(header: Dataset) -> str:
    """Describe the tiling of an image; empty if each frame is one slice."""
    kind = header.get("ImageType") or []
    words = {str(word).upper() for word in ([kind] if isinstance(kind, str) else kind)}
    if tiled := words & _TILED:
        return f"a tiling of several slices in one image ({with_tag('ImageType')} {sorted(tiled)[0]})"
    for tag, vendor in ((_SIEMENS_IMAGES_IN_MOSAIC, "Siemens"), (_UNITED_IMAGING_IMAGES_IN_GRID, "United Imaging")):
        if (count := private_number(header, tag)) > 1:
            return f"a {vendor} mosaic of {count:g} slices in one image ({tag[0]:04X},{tag[1]:04X})"
    organisation = str(header.get("DimensionOrganizationType", "") or "")
    if organisation.startswith("TILED") or "TotalPixelMatrixColumns" in header:
        return f"tiles of one large image ({with_tag('DimensionOrganizationType')} {organisation or 'TILED'})"
    return ""
