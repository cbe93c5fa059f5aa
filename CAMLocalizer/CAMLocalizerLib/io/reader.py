"""read_volume: any supported file or folder as a Volume."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..core import InputError, Volume
from .dicom import read_dicom_file, read_dicom_folder
from .image import RawImage, named, undamaged
from .itkfile import read_itk_file
from .mgh_reader import read_mgh
from .missing_voxels import with_background
from .names import case_name
from .nifti_reader import read_nifti
from .signatures import file_format

_OWN = {"NIfTI": read_nifti, "MGH": read_mgh}


def read_volume(path: str | Path, *, series: str | None = None, unit: str | None = None) -> Volume:
    """Read a 3D image, or a 2D one as a single slice.

    Args:
        path: an NRRD, NIfTI, MetaImage, MGH, DICOM, PNG, JPEG or TIFF file, or a folder of DICOM files.
        series: SeriesInstanceUID or SeriesNumber, where a DICOM folder holds several.
        unit: of the voxels, such as ``SUVbw``, for files that name none; nothing is converted.

    Returns:
        The volume in LPS mm, named after the file without its ending or after the folder. PET DICOM is in SUV by
        body weight, CT DICOM in Hounsfield units. NIfTI files with two matrices are placed as SimpleITK and 3D
        Slicer place them: by the sform if it is orthogonal and is scanner anatomy or alone, else by the qform.

    Raises:
        InputError: a file that is missing, empty, truncated, mislabelled, 4D, in colour, constant or not finite, or
            a PET series without the tags that SUV needs, or voxels in another unit than ``unit``.
        GridError: spacing, direction or shear that no orthogonal grid has.
        SeriesError: a DICOM folder without exactly one complete series, or without the one asked for.
    """
    path = Path(path)
    raw, name = read_image(path, series=series), case_name(path)
    if unit and raw.unit not in ("", unit):
        raise InputError(f"{path}: its voxels are in {raw.unit}, not in {unit}; leave the unit to the file")
    with named(path, name):
        return volume_of(raw, name, raw.unit or unit or "")


def volume_of(raw: RawImage, name: str, unit: str) -> Volume:
    """Make a volume of an image as read; raises InputError for one that is constant or not finite."""
    return Volume(
        raw.array_kji,
        raw.grid,
        name=name,
        unit=unit,
        notes=raw.notes,
        matrices=raw.matrices,
        inverted=raw.inverted,
    )


def read_image(path: Path, *, series: str | None = None) -> RawImage:
    """Read what :func:`read_volume` makes a volume of, with what is known of its source; raises the same."""
    if path.is_dir():
        return read_dicom_folder(path, series)
    kind = file_format(path)
    if kind == "DICOM":
        return read_dicom_file(path, series)
    if series is not None:
        raise InputError(f"{path}: is a {kind} file; a series can only be chosen from DICOM files")
    with named(path), undamaged(path, f"{kind} file"):
        raw = _OWN[kind](path) if kind in _OWN else read_itk_file(path, kind)
        array, notes = with_background(raw.array_kji, path)
        return replace(raw, array_kji=array, notes=(*raw.notes, *notes))
