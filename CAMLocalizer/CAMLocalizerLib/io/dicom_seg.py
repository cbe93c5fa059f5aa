"""Label maps and activations as DICOM segmentations on the grid of their source series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, GridError, InputError, LabelMap, SettingsError, label_components
from .dicom_headers import is_multi_frame
from .dicom_results import (
    CATEGORY,
    CAVEAT,
    PROGRAM,
    derived_uid,
    highdicom_errors,
    instance_attributes,
    label_text,
    save_dicom,
    tumour_code,
)
from .dicom_source import DicomSource
from .segmentation_writer import COLOURS

if TYPE_CHECKING:
    from pydicom import Dataset

MAX_SEGMENTS = 255
STEPS = 255
SEG_NUMBER, FRACTIONAL_NUMBER = 1, 2
SMALLEST_FRACTION, LARGEST_FRACTION = 0.0, 1.0


def write_dicom_seg(
    label_map: LabelMap,
    source: DicomSource,
    path: str | Path,
    *,
    algorithm_name: str,
    algorithm_version: str,
    parameters: Mapping[str, str] | None = None,
    terminology: str | Sequence[str] = "Mass",
    by_component: bool = False,
    allow_empty: bool = False,
    created: datetime | None = None,
) -> None:
    """Write a label map as a DICOM segmentation of type BINARY.

    There is one segment per name of the label map, in the same order. The frames of a single segment run from the first
    to the last labelled slice. With several segments, frames without voxels are left out, and a segment whose label
    does not occur has no frames. The segments' tracking UIDs depend only on source, algorithm and voxels, so that a
    report and a later run with the same result identify the same finding. The UIDs of instance and series also depend
    on the time of creation.

    Args:
        label_map: on the source's grid, or on the same voxels with axes in another order or direction.
        source: series that the segmentation refers to.
        path: a ``.dcm`` file in an existing folder; an existing file is replaced.
        algorithm_name: name of the algorithm, such as the model's name.
        algorithm_version: its version.
        parameters: names and values of the settings.
        terminology: tumour type (a key of ``TUMOUR_TYPES``), one for all segments or one each.
        by_component: create a segment for each component, see :func:`separate_components`.
        allow_empty: write a label map without labels, as empty frames, instead of raising an error.
        created: date and time of creation; defaults to now. The same result and time give the same file.

    Raises:
        GridError: a label map on a grid other than the source's; the message names both.
        InputError: an empty label map, or a type of image that highdicom cannot write segmentations of.
        SettingsError: an unknown tumour type, a number of types other than that of segments, or over 255 components.
        OutputError: another ending than ``.dcm``, or a file that cannot be written.

    Source: DICOM PS3.3 A.51 and C.8.20.
    """
    path = Path(path)
    if not (allow_empty or label_map.array_kji.any()):
        raise InputError(f"{path}: the label map is empty; lower the threshold or allow an empty segmentation")
    kinds = [terminology] * len(label_map.segments) if isinstance(terminology, str) else list(terminology)
    if len(kinds) != len(label_map.segments):
        raise SettingsError(f"{len(kinds)} tumour types given for {len(label_map.segments)} segments")
    if by_component and label_map.array_kji.any():
        label_map, parents = _separated(label_map)
        kinds = [kinds[parent] for parent in parents]
    stored = source.stored_frames(label_map.array_kji, label_map.grid)
    algorithm = _Algorithm(algorithm_name, algorithm_version, parameters)
    segments = [
        algorithm.segment(source, number, name, kind, np.packbits(label_map.array_kji == number).tobytes())
        for number, (name, kind) in enumerate(zip(label_map.segments, kinds, strict=True), start=1)
    ]
    _write(stored, segments, source, path, created, {"segmentation_type": "BINARY", "content_label": "TUMOUR"})


def write_dicom_seg_fractional(
    activation: NDArray[np.floating],
    grid: Grid,
    source: DicomSource,
    path: str | Path,
    *,
    algorithm_name: str,
    algorithm_version: str,
    parameters: Mapping[str, str] | None = None,
    terminology: str = "Mass",
    name: str = "Activation",
    created: datetime | None = None,
) -> None:
    """Write an activation as a DICOM segmentation of type FRACTIONAL, in steps of 1/255.

    Of DICOM's two types of fractions, probability and occupancy, PROBABILITY is the closer one. An activation is not a
    calibrated probability, as the file's description says. Frames run from the first to the last slice that is not
    zero; an activation that is zero everywhere has all frames.

    Args:
        activation: 0 to 1, shape ``grid.shape_kji``.
        grid: grid of the activation.
        source: series that the segmentation refers to.
        path: a ``.dcm`` file in an existing folder; an existing file is replaced.
        algorithm_name: name of the algorithm, such as the model's name.
        algorithm_version: its version.
        parameters: names and values of the settings.
        terminology: tumour type (a key of ``TUMOUR_TYPES``) of the single segment.
        name: name of the segment.
        created: date and time of creation; defaults to now. The same result and time give the same file.

    Raises:
        GridError: a shape other than the grid's, or a grid other than the source's.
        InputError: values outside 0 to 1, or a type of image that highdicom cannot write segmentations of.
        SettingsError: an unknown tumour type.
        OutputError: another ending than ``.dcm``, or a file that cannot be written.
    """
    array = np.asarray(activation, dtype=np.float32)
    if array.shape != grid.shape_kji:
        raise GridError(f"activation has shape {array.shape}, its grid expects {grid.shape_kji}")
    low, high = float(array.min()), float(array.max())
    if not (low >= SMALLEST_FRACTION and high <= LARGEST_FRACTION):  # NaN too
        raise InputError(f"{path}: the activation ranges from {low:g} to {high:g}, expected 0 to 1")
    stored = source.stored_frames(array, grid)
    algorithm = _Algorithm(algorithm_name, algorithm_version, parameters)
    segment = algorithm.segment(source, 1, name, terminology, array.tobytes())
    kind = {"segmentation_type": "FRACTIONAL", "fractional_type": "PROBABILITY", "max_fractional_value": STEPS}
    _write(stored, [segment], source, Path(path), created, {**kind, "content_label": "ACTIVATION"})


def separate_components(label_map: LabelMap) -> LabelMap:
    """Give each component (26 neighbours) of each segment its own label.

    Args:
        label_map: labels of any number of segments.

    Returns:
        Labels of the components of the first segment, largest first and equal ones in storage order, then those of the
        next; named ``Tumour 1`` and so on. Segments without voxels are dropped; an empty label map stays unchanged.

    Raises:
        SettingsError: more than 255 components.
    """
    return _separated(label_map)[0] if label_map.array_kji.any() else label_map


def _separated(label_map: LabelMap) -> tuple[LabelMap, list[int]]:
    """Return the label map of the components, and for each component the index of its segment."""
    array = np.zeros(label_map.grid.shape_kji, np.uint8)
    names: list[str] = []
    parents: list[int] = []
    for index, name in enumerate(label_map.segments):
        components, count = label_components(label_map.array_kji == index + 1)
        if len(names) + count > MAX_SEGMENTS:
            raise SettingsError(
                f"the label map has more than {MAX_SEGMENTS} components; drop small ones first (--min-volume)"
            )
        order = np.argsort(-np.bincount(components.ravel(), minlength=count + 1)[1:], kind="stable")
        ranks = np.zeros(count + 1, np.uint8)
        ranks[order + 1] = np.arange(len(names) + 1, len(names) + count + 1)
        array += ranks[components]
        names += [f"{name} {number}" for number in range(1, count + 1)]
        parents += [index] * count
    return LabelMap(array, label_map.grid, tuple(names)), parents


class _Algorithm:
    """The algorithm, and descriptions of the segments that it created."""

    def __init__(self, name: str, version: str, parameters: Mapping[str, str] | None) -> None:
        self.name, self.version = label_text(name), label_text(version)
        self.parameters = {str(key): str(value) for key, value in parameters.items()} if parameters else None

    def segment(self, source: DicomSource, number: int, name: str, kind: str, content: bytes) -> Any:
        """Describe a segment; ``content`` are the bytes of its voxels."""
        from highdicom import AlgorithmIdentificationSequence
        from highdicom.color import CIELabColor
        from highdicom.seg import SegmentDescription
        from pydicom.sr.codedict import codes
        from pydicom.sr.coding import Code

        label = label_text(name)
        family = codes.cid7162.ArtificialIntelligence
        identity = AlgorithmIdentificationSequence(self.name, family, self.version, PROGRAM, self.parameters)
        uids = [str(header.SOPInstanceUID) for header in source.headers]
        return SegmentDescription(
            number,
            label,
            Code(*CATEGORY),
            Code(*tumour_code(kind)),
            algorithm_type="AUTOMATIC",
            algorithm_identification=identity,
            tracking_uid=derived_uid("finding", *uids, self.name, self.version, label, kind, content),
            tracking_id=label,
            display_color=CIELabColor.from_rgb(*(255 * part for part in COLOURS[(number - 1) % len(COLOURS)])),
        )


def _write(
    stored: NDArray,
    segments: Sequence[Any],
    source: DicomSource,
    path: Path,
    created: datetime | None,
    kind: Mapping[str, Any],
) -> None:
    """Create the segmentation from frames in the source's order and save it."""
    moment = created or datetime.now()
    content_uid = derived_uid(kind["segmentation_type"], *(_described(segment) for segment in segments))
    fractional = kind["segmentation_type"] == "FRACTIONAL"
    number = FRACTIONAL_NUMBER if fractional else SEG_NUMBER
    name = "activation" if fractional else "segmentation"
    with highdicom_errors(source, "DICOM segmentation"):
        dataset = _made(
            stored, segments, source, {**kind, **instance_attributes(source, name, number, moment, content_uid)}
        )
    save_dicom(dataset, path, moment)


def _made(stored: NDArray, segments: Sequence[Any], source: DicomSource, options: Mapping[str, Any]) -> Dataset:
    from highdicom.seg import Segmentation

    chosen = {} if len(segments) > 1 else _gapless(stored, source)
    return Segmentation(
        source_images=source.headers,
        segment_descriptions=segments,
        content_description=CAVEAT,
        **{"pixel_array": stored, **chosen, **options},
    )


def _gapless(stored: NDArray, source: DicomSource) -> Mapping[str, Any]:
    """Select the slices from the first to the last with content; all slices if there is no content.

    highdicom would also leave out empty slices in between, and readers that expect a regular stack would misplace it.
    """
    from highdicom.utils import get_plane_positions_of_image, get_plane_positions_of_series

    used = np.flatnonzero(stored[source.frames].any(axis=(1, 2)))
    within = source.frames[used[0] : used[-1] + 1] if used.size else source.frames
    first = source.headers[0]
    single = not is_multi_frame(first)
    positions = get_plane_positions_of_series(source.headers) if single else get_plane_positions_of_image(first)
    return {
        "pixel_array": stored[within],
        "plane_positions": [positions[index] for index in within],
        "omit_empty_frames": False,
    }


def _described(segment: Dataset) -> bytes:
    """Return a segment's description, with its tracking UID, which depends on the voxels."""
    return segment.to_json().encode()
