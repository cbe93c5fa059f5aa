"""Read label maps and segmentations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, LabelMap
from .dicom_seg_reader import read_dicom_seg
from .itk_reader import read_layers
from .quiet import quiet
from .reader import read_image
from .signatures import file_format
from .utf8_paths import utf8_path

MAX_LABEL = 255


@dataclass(frozen=True)
class _Segment:
    """A segment in the header of a segmentation: its layer, its value in the layer, and its name."""

    layer: int
    value: int
    name: str


def read_label_map(path: str | Path) -> LabelMap:
    """Read a label map (NRRD, NIfTI, MetaImage), a 3D Slicer segmentation (``.seg.nrrd``) or a DICOM segmentation.

    Args:
        path: file with integers from 0 to 255. A segmentation may have several layers if its segments do not overlap.

    Returns:
        The label map in LPS mm. Segments have their names from the file, or else ``Label 1`` and so on; labels that
        neither occur nor have a name become empty segments. Segments of several layers are renumbered.

    Raises:
        InputError: a file that cannot be read, voxels that are not labels, or segments that overlap.
        GridError: an invalid spacing or direction, or shear.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: does not exist; expected a label map")
    kind = file_format(path) if path.is_file() else ""
    if kind == "DICOM":
        return read_dicom_seg(path)
    segments = _segments(path) if kind == "NRRD" else ()
    if any(segment.layer for segment in segments):
        return _merge_layers(path, segments)
    raw = read_image(path)
    labels = np.asarray(raw.array_kji)
    _check_labels(labels, path)
    names = {segment.value: segment.name for segment in segments}
    count = max([int(labels.max()), 1, *names])
    found = tuple(names.get(label) or f"Label {label}" for label in range(1, count + 1))
    return LabelMap(labels.astype(np.uint8), raw.grid, found)


def _check_labels(labels: NDArray, path: Path) -> None:
    low, high = float(labels.min()), float(labels.max())
    if not (low >= 0 and high <= MAX_LABEL and np.array_equal(labels, np.rint(labels))):
        raise InputError(
            f"{path}: has values from {low:g} to {high:g}, a label map has integers from 0 to {MAX_LABEL}; "
            f"give the label map, not the image"
        )


def _merge_layers(path: Path, segments: Sequence[_Segment]) -> LabelMap:
    """Merge the layers of a segmentation, with segments numbered in file order."""
    layers, grid = read_layers(path)
    _check_labels(layers, path)
    labels = np.zeros(layers.shape[:3], np.uint8)
    names: list[str] = []
    for label, segment in enumerate(segments, start=1):
        if segment.layer >= layers.shape[3]:
            raise InputError(f"{path}: segment {segment.name!r} refers to a missing layer; export it again")
        mask = layers[..., segment.layer] == segment.value
        if below := set(np.unique(labels[mask])) - {0}:
            raise InputError(
                f"{path}: segments {names[min(below) - 1]!r} and {segment.name!r} overlap, but a label map has one "
                "label per voxel; separate them, or save each in its own file"
            )
        labels[mask] = label
        names.append(segment.name or f"Label {label}")
    return LabelMap(labels, grid, tuple(names))


def _segments(path: Path) -> tuple[_Segment, ...]:
    """Read layers, values and names of segments from the header of a segmentation; empty for another image."""
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    try:
        with quiet(), utf8_path(path) as plain:
            reader.SetFileName(str(plain))
            reader.ReadImageInformation()
        facts = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys() if key.startswith("Segment")}
    except (RuntimeError, TypeError, UnicodeError):  # TypeError: a key that is not UTF-8
        return ()  # reading the voxels reports the error
    found: list[_Segment] = []
    while f"Segment{len(found)}_LabelValue" in facts:
        head = f"Segment{len(found)}_"
        value, layer = facts[f"{head}LabelValue"], facts.get(f"{head}Layer", "0")
        if not (value.isdigit() and layer.isdigit() and 1 <= int(value) <= MAX_LABEL):
            raise InputError(
                f"{path}: segment {len(found)} has label value {value!r} in layer {layer!r}, integers up to "
                f"{MAX_LABEL} are expected; export it again"
            )
        found.append(_Segment(int(layer), int(value), facts.get(f"{head}Name", "")))
    return tuple(found)
