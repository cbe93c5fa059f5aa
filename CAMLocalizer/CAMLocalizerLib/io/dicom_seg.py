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
from .dicom_source import DicomSource
from .dicom_terms import CATEGORY, CAVEAT, PROGRAM, derived_uid, instance, label_text, refusing, save, tumour_code
from .segmentation_writer import COLOURS

if TYPE_CHECKING:
    from pydicom import Dataset

MOST_SEGMENTS = 255
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

    One segment per name of the label map, in its order. A single segment's frames go from the first labelled slice to
    the last; with several segments all frames without voxels are left out, and a segment whose label does not occur is
    described and has none. The segments' tracking UIDs depend on source, algorithm and
    voxels alone, so that a report, and a later run with the same outcome, name the same finding; the UIDs of instance
    and series depend on the time of creation too.

    Args:
        label_map: on the source's grid, or on the same voxels with axes in another order or direction.
        source: series that the segmentation refers to.
        path: a ``.dcm`` file in an existing folder; an existing file is replaced.
        algorithm_name: what made the label map, such as the model's name.
        algorithm_version: its version.
        parameters: names and values of the settings.
        terminology: kind of tumour (a key of ``TUMOUR_TYPES``), one for all segments or one each.
        by_component: make a segment of each connected region, see :func:`separate_components`.
        allow_empty: write a label map without labels, as frames that hold nothing, instead of refusing it.
        created: date and time of creation, now if not given. The same result and time give the same file.

    Raises:
        GridError: a label map on another grid than the source's; both are named.
        InputError: an empty label map, or a kind of image that highdicom takes no segmentation of.
        SettingsError: an unknown kind of tumour, another number of them than segments, or more than 255 regions.
        OutputError: another ending than ``.dcm``, or a file that cannot be written.

    Source: DICOM PS3.3 A.51 and C.8.20.
    """
    path = Path(path)
    if not (allow_empty or label_map.array_kji.any()):
        raise InputError(f"{path}: the label map is empty; lower the threshold, or allow a segmentation of nothing")
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

    DICOM knows fractions as probability or as occupancy; PROBABILITY is the nearer one. An activation says where a
    classifier found evidence and is no calibrated probability; the file's description says so. Frames go from the first
    slice in which it is not zero to the last, through all slices where it is zero everywhere.

    Args:
        activation: 0 to 1, shape ``grid.shape_kji``.
        grid: as for :func:`write_dicom_seg`, with which the other arguments agree.
        source: see there.
        path: see there.
        algorithm_name: see there.
        algorithm_version: see there.
        parameters: see there.
        terminology: see there; there is one segment.
        name: of the segment.
        created: see there.

    Raises:
        GridError: a shape other than the grid's, or a grid other than the source's.
        InputError: values outside 0 to 1, or a kind of image that highdicom takes no segmentation of.
        SettingsError: an unknown kind of tumour.
        OutputError: another ending than ``.dcm``, or a file that cannot be written.
    """
    array = np.asarray(activation, dtype=np.float32)
    if array.shape != grid.shape_kji:
        raise GridError(f"activation has shape {array.shape}, its grid expects {grid.shape_kji}")
    low, high = float(array.min()), float(array.max())
    if not (low >= SMALLEST_FRACTION and high <= LARGEST_FRACTION):  # NaN too
        raise InputError(f"{path}: the activation reaches from {low:g} to {high:g}, expected 0 to 1")
    stored = source.stored_frames(array, grid)
    algorithm = _Algorithm(algorithm_name, algorithm_version, parameters)
    segment = algorithm.segment(source, 1, name, terminology, array.tobytes())
    kind = {"segmentation_type": "FRACTIONAL", "fractional_type": "PROBABILITY", "max_fractional_value": STEPS}
    _write(stored, [segment], source, Path(path), created, {**kind, "content_label": "ACTIVATION"})


def separate_components(label_map: LabelMap) -> LabelMap:
    """Give each connected region (26 neighbours) of each segment a label of its own.

    Args:
        label_map: labels of any number of segments.

    Returns:
        Labels of the first segment's regions, largest first and equal ones in storage order, then the next's; named
        ``Tumour 1`` and so on. Segments without voxels are gone; an empty label map stays as it is.

    Raises:
        SettingsError: more than 255 regions.
    """
    return _separated(label_map)[0] if label_map.array_kji.any() else label_map


def _separated(label_map: LabelMap) -> tuple[LabelMap, list[int]]:
    """Return the label map of the regions, and for each region the index of its segment."""
    array = np.zeros(label_map.grid.shape_kji, np.uint8)
    names: list[str] = []
    parents: list[int] = []
    for index, name in enumerate(label_map.segments):
        regions, count = label_components(label_map.array_kji == index + 1)
        if len(names) + count > MOST_SEGMENTS:
            raise SettingsError(
                f"the label map has more than {MOST_SEGMENTS} connected regions; drop small ones first (--min-volume)"
            )
        order = np.argsort(-np.bincount(regions.ravel(), minlength=count + 1)[1:], kind="stable")
        ranks = np.zeros(count + 1, np.uint8)
        ranks[order + 1] = np.arange(len(names) + 1, len(names) + count + 1)
        array += ranks[regions]
        names += [f"{name} {number}" for number in range(1, count + 1)]
        parents += [index] * count
    return LabelMap(array, label_map.grid, tuple(names)), parents


class _Algorithm:
    """What made the segments, and the segments described with it."""

    def __init__(self, name: str, version: str, parameters: Mapping[str, str] | None) -> None:
        self.name, self.version = label_text(name), label_text(version)
        self.parameters = {str(key): str(value) for key, value in parameters.items()} if parameters else None

    def segment(self, source: DicomSource, number: int, name: str, kind: str, content: bytes) -> Any:
        """Describe a segment; ``content`` is all that its voxels are."""
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
    """Make the segmentation of frames in the source's order and save it."""
    moment = created or datetime.now()
    content_uid = derived_uid(kind["segmentation_type"], *(_described(segment) for segment in segments))
    fractional = kind["segmentation_type"] == "FRACTIONAL"
    number = FRACTIONAL_NUMBER if fractional else SEG_NUMBER
    name = "activation" if fractional else "segmentation"
    with refusing(source, "DICOM segmentation"):
        dataset = _made(stored, segments, source, {**kind, **instance(source, name, number, moment, content_uid)})
    save(dataset, path, moment)


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
    """Choose the slices from the first with content to the last; all of them where there is none.

    highdicom would leave out empty slices in between too, and readers that take frames for a stack would misplace it.
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
    """All that a segment's description says, its tracking UID and with it the voxels included."""
    return segment.to_json().encode()
