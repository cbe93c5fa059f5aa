"""read_volume: read any supported file or folder as a Volume."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..core import InputError, Volume
from .dicom import read_dicom_file, read_dicom_folder
from .image import RawImage, prefix_path, report_damage
from .itk_reader import read_itk_file
from .mgh_reader import read_mgh
from .missing_voxels import fill_outside_nan
from .names import case_name
from .nifti_reader import read_nifti
from .signatures import file_format

_READERS = {"NIfTI": read_nifti, "MGH": read_mgh}


def read_volume(path: str | Path, *, series: str | None = None, unit: str | None = None) -> Volume:
    """Read a 3D image, or a 2D image as a single slice.

    Args:
        path: an NRRD, NIfTI, MetaImage, MGH, DICOM, PNG, JPEG or TIFF file, or a folder of DICOM files.
        series: SeriesInstanceUID or SeriesNumber, if a DICOM folder contains several series.
        unit: unit of the voxels, such as ``SUVbw``, for files without a unit; values are not converted.

    Returns:
        The volume in LPS mm, named after the file without its extension or after the folder. PET DICOM is in SUV by
        body weight, CT DICOM in Hounsfield units. For NIfTI files with two matrices, see
        :func:`~CAMLocalizerLib.io.nifti_reader.read_nifti`.

    Raises:
        InputError: a file that is missing, empty, truncated, misnamed, 4D, in colour, constant or not finite, or
            a PET series without the attributes that SUV needs, or voxels in a unit other than ``unit``.
        GridError: an invalid spacing or direction, or shear.
        SeriesError: a DICOM folder without exactly one complete series, or without the selected one.
    """
    path = Path(path)
    raw, name = read_image(path, series=series), case_name(path)
    if unit and raw.unit not in ("", unit):
        raise InputError(f"{path}: its voxels are in {raw.unit}, not in {unit}; omit the unit")
    with prefix_path(path, name):
        return to_volume(raw, name, raw.unit or unit or "")


def to_volume(raw: RawImage, name: str, unit: str) -> Volume:
    """Convert a raw image to a volume; raises InputError if it is constant or not finite."""
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
    """Read an image with the facts about its source; arguments and errors as for :func:`read_volume`."""
    if path.is_dir():
        return read_dicom_folder(path, series)
    kind = file_format(path)
    if kind == "DICOM":
        return read_dicom_file(path, series)
    if series is not None:
        raise InputError(f"{path}: is a {kind} file; a series can only be selected in DICOM files")
    with prefix_path(path), report_damage(path, f"{kind} file"):
        raw = _READERS[kind](path) if kind in _READERS else read_itk_file(path, kind)
        array, notes = fill_outside_nan(raw.array_kji, path)
        return replace(raw, array_kji=array, notes=(*raw.notes, *notes))
