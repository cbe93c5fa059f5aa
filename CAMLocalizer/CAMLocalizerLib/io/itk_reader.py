"""Read NRRD, MetaImage and 2D picture files with SimpleITK."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, GridError, InputError
from .image import RawImage, prefix_path, single_channel
from .quiet import captured_output, quiet
from .text_headers import TextHeader, read_text_header
from .tiff_directory import check_tiff
from .utf8_paths import utf8_path

if TYPE_CHECKING:
    import SimpleITK

_IMAGE_IO = {
    "NRRD": "NrrdImageIO",
    "MetaImage": "MetaImageIO",
    "PNG": "PNGImageIO",
    "JPEG": "JPEGImageIO",
    "TIFF": "TIFFImageIO",
}
PICTURES = ("PNG", "JPEG", "TIFF")
PICTURE_NOTE = "a picture has no position in patient space: spacing is taken as 1 mm"
MAX_SPACING_RATIO = 100.0
JPEG_END = b"\xff\xd9"


def read_itk_file(path: Path, kind: str) -> RawImage:
    """Read a file of the format ``kind`` (see :func:`file_format`).

    Raises:
        InputError: a damaged file, more than three axes, or channels.
        GridError: shear, or an invalid spacing or direction.
    """
    with prefix_path(path):
        header = _check_header(path, kind)
        return _to_raw(_read(path, kind), path, kind, header)


def read_layers(path: Path) -> tuple[NDArray[np.float32], Grid]:
    """Read an NRRD file with any number of channels per voxel, such as a segmentation with overlapping segments.

    Returns:
        Values, shape (k, j, i, channels), and their grid.

    Raises:
        InputError: a damaged file, or more than three axes in addition to the channels.
        GridError: shear, or an invalid spacing or direction.
    """
    import SimpleITK

    with prefix_path(path):
        header = _check_header(path, "NRRD")
        image = _read(path, "NRRD")
        if image.GetDimension() != 3:
            raise InputError(f"{path}: has {image.GetDimension()} axes {image.GetSize()}; a 3D volume is expected")
        array = SimpleITK.GetArrayFromImage(image).astype(np.float32)
        layers = array.reshape(*array.shape[:3], -1)
        return layers, _grid(image, (layers.shape[2], layers.shape[1], layers.shape[0]), header.mm_per_unit)


def _check_header(path: Path, kind: str) -> TextHeader:
    if kind in ("NRRD", "MetaImage"):
        return read_text_header(path, kind)
    if kind == "TIFF":
        check_tiff(path)
    if kind == "JPEG" and JPEG_END not in path.read_bytes()[-64:]:
        raise InputError(f"{path}: the JPEG file is truncated; copy or export it again")
    return TextHeader()


def _read(path: Path, kind: str) -> SimpleITK.Image:
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO(_IMAGE_IO[kind])
    try:
        with quiet(), utf8_path(path) as plain, captured_output() as complaints:
            reader.SetFileName(str(plain))
            image = reader.Execute()
            if kind == "JPEG" and complaints():
                raise InputError(f"{path}: the JPEG file is damaged ({complaints()[:80]}); copy or export it again")
            return image
    except RuntimeError as error:
        raise _readable_error(path, kind, str(error)) from error


def _readable_error(path: Path, kind: str, text: str) -> InputError:
    """Convert the library's error message to one sentence."""
    if "spacing" in text and ("Zero-valued" in text or "invalid" in text):
        return GridError(f"{path}: spacing must be positive, got 0 in the header")
    if "determinant" in text:
        return GridError(f"{path}: direction must be a rotation, got linearly dependent axes")
    if kind in PICTURES:
        return InputError(
            f"{path}: the {kind} file is damaged or of an unsupported type; save it as plain 8- or 16-bit grey"
        )
    return InputError(f"{path}: the {kind} file is truncated, damaged or lacks its data file; copy or export it again")


def _to_raw(image: SimpleITK.Image, path: Path, kind: str, header: TextHeader) -> RawImage:
    import SimpleITK

    picture = kind in PICTURES
    if picture and image.GetDimension() != 2:
        raise InputError(f"{path}: has {image.GetSize()[2]} pages; a single picture or a volume format is expected")
    array = SimpleITK.GetArrayViewFromImage(image)
    size = image.GetSize()
    while len(size) > 3 and size[-1] == 1:  # many tools write a single time point
        array, size = array[0], size[:-1]
    if len(size) > 3:
        raise InputError(f"{path}: has {len(size)} axes {size}; a 3D volume is expected; extract one time point first")
    if image.GetNumberOfComponentsPerPixel() > 1:
        array = single_channel(array, path)
    if np.iscomplexobj(array):
        raise InputError(f"{path}: has complex voxels; save their magnitude first")
    array = array.reshape((1,) * (3 - len(size)) + array.shape)  # (k, j, i)
    grid = _plane_grid(size) if picture else _grid(image, array.shape[::-1], header.mm_per_unit)
    _check_converted(path, grid, header)
    values = array.astype(np.float32)
    if (header.slope, header.intercept) != (1.0, 0.0):
        values = (values.astype(np.float64) * header.slope + header.intercept).astype(np.float32)
    return RawImage(values, grid, kind, notes=(PICTURE_NOTE,) if picture else header.notes)


def _check_converted(path: Path, grid: Grid, header: TextHeader) -> None:
    """Raise GridError if the unit in the header gives an implausible spacing; the unit is then probably wrong."""
    if header.mm_per_unit != 1.0 and max(grid.spacing_mm) > MAX_SPACING_RATIO * min(grid.spacing_mm):
        spacing = " x ".join(f"{step:.3g}" for step in grid.spacing_mm)
        raise GridError(f"{path}: its unit of length gives an implausible spacing of {spacing} mm; correct the header")


def _plane_grid(size: tuple[int, ...]) -> Grid:
    return Grid((size[0], size[1], 1), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3))


def _grid(image: SimpleITK.Image, size: tuple[int, ...], mm_per_unit: float) -> Grid:
    """Create a grid from the first three axes of an image; missing axes become unit axes."""
    dimension = image.GetDimension()
    used = min(dimension, 3)
    matrix = np.reshape(image.GetDirection(), (dimension, dimension))
    direction = np.eye(3)
    direction[:used, :used] = matrix[:used, :used]
    spacing, origin = np.ones(3), np.zeros(3)
    spacing[:used] = np.multiply(image.GetSpacing()[:used], mm_per_unit)
    origin[:used] = np.multiply(image.GetOrigin()[:used], mm_per_unit)
    (x, y, z), (left, posterior, superior) = spacing.tolist(), origin.tolist()
    return Grid((size[0], size[1], size[2]), (x, y, z), (left, posterior, superior), direction)
