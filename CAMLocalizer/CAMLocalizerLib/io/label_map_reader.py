"""Label maps and segmentations from files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..core import InputError, LabelMap
from .dicom_seg_reader import read_dicom_seg
from .quiet import quiet
from .reader import read_image
from .signatures import file_format

HIGHEST_LABEL = 255


def read_label_map(path: str | Path) -> LabelMap:
    """Read a label map (NRRD, NIfTI, MetaImage), a segmentation of 3D Slicer (``.seg.nrrd``) or one of DICOM.

    Args:
        path: whole numbers from 0 to 255; one layer, if a segmentation.

    Returns:
        The label map in LPS mm. Segments have the names that the file gives them, else ``Label 1`` and so on; labels
        that neither occur nor have a name come as empty segments.

    Raises:
        InputError: a file that cannot be read, or voxels that are no labels.
        GridError: spacing, direction or shear that no orthogonal grid has.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: does not exist; expected a label map")
    if path.is_file() and file_format(path) == "DICOM":
        return read_dicom_seg(path)
    raw = read_image(path)
    labels = np.asarray(raw.array_kji)
    low, high = float(labels.min()), float(labels.max())
    if not (low >= 0 and high <= HIGHEST_LABEL and np.array_equal(labels, np.rint(labels))):
        raise InputError(
            f"{path}: holds values from {low:g} to {high:g}, a label map has whole numbers from 0 to {HIGHEST_LABEL}; "
            f"give the label map, not the image"
        )
    names = _segment_names(path) if path.is_file() and file_format(path) == "NRRD" else {}
    count = max([int(high), 1, *names])
    segments = tuple(names.get(label, f"Label {label}") for label in range(1, count + 1))
    return LabelMap(labels.astype(np.uint8), raw.grid, segments)


def _segment_names(path: Path) -> Mapping[int, str]:
    """Read label values and names of segments from the header of a segmentation."""
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    with quiet():
        reader.ReadImageInformation()
    keys = set(reader.GetMetaDataKeys())
    names = {}
    for index in range(len(keys)):
        value, name = f"Segment{index}_LabelValue", f"Segment{index}_Name"
        if not {value, name} <= keys:
            break
        names[int(reader.GetMetaData(value))] = reader.GetMetaData(name)
    return names
