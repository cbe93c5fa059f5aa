"""Stacks of a DICOM series: phases, echoes, b-values or localizers, each a separate volume."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import Grid, InputError, SeriesError
from .dicom_files import Entry
from .dicom_geometry import DIRECTION_TOLERANCE, POSITION_TOLERANCE_MM, SlicePlane, frame_planes, stack_slices
from .dicom_values import private_text

if TYPE_CHECKING:
    from pydicom import Dataset

DISTINGUISHING_KEYWORDS = (
    "ImageType",
    "FrameType",
    "ComplexImageComponent",
    "EchoTime",
    "EffectiveEchoTime",
    "EchoNumbers",
    "DiffusionBValue",
    "DiffusionGradientOrientation",
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "TemporalPositionTimeOffset",
    "TriggerTime",
    "NominalCardiacTriggerDelayTime",
    "NominalPercentageOfCardiacPhase",
    "InversionTime",
    "FlipAngle",
    "RepetitionTime",
    "ContrastBolusAgent",
    "ConvolutionKernel",
    "KVP",
    "FrameReferenceTime",
    "StackID",
    "AcquisitionNumber",
    "AcquisitionDateTime",
    "AcquisitionTime",
    "ContentTime",
    "SeriesTime",
    "FrameAcquisitionDateTime",
)
_PRIVATE_B_VALUES = {"Siemens b-value": (0x0019, 0x100C), "GE b-value": (0x0043, 0x1039)}


@dataclass(frozen=True, eq=False)
class Frame:
    """One slice of a stack.

    Args:
        entry: file of the slice.
        index: index of the frame in the file, from 0.
        plane: position of the slice.
    """

    entry: Entry
    index: int
    plane: SlicePlane

    def value(self, keyword: str) -> str:
        """Return an attribute of the frame, of the shared functional groups or of the file, as text."""
        header = self.entry.header
        groups = header.get("PerFrameFunctionalGroupsSequence") or []
        own = [groups[self.index]] if self.index < len(groups) else []
        for group in (*own, *(header.get("SharedFunctionalGroupsSequence") or [])):
            for element in group:
                if element.VR == "SQ" and element.value and keyword in element.value[0]:
                    return _text(element.value[0][keyword].value)
        if keyword in _PRIVATE_B_VALUES:
            return private_text(header, _PRIVATE_B_VALUES[keyword])
        return _text(header.get(keyword, ""))


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices that should form one volume.

    Args:
        frames: frames in any order.
        label: attribute that distinguishes the stack from others of the series; empty for a single stack.
    """

    frames: tuple[Frame, ...]
    label: str = ""

    @property
    def headers(self) -> tuple[Dataset, ...]:
        """Headers of the files without duplicates, in the order of the frames."""
        return tuple(entry.header for entry in self.entries)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Files without duplicates, in the order of the frames."""
        return tuple({id(frame.entry): frame.entry for frame in self.frames}.values())

    def order_and_grid(self) -> tuple[NDArray[np.intp], Grid]:
        """Return the order of the frames along k, and the grid that they form.

        Raises:
            SeriesError: slices that do not form one complete stack.
            GridError: gantry tilt or a damaged geometry.
        """
        first = self.frames[0].entry.header
        return stack_slices([frame.plane for frame in self.frames], int(first.Columns), int(first.Rows))


def list_frames(entries: Sequence[Entry]) -> tuple[Frame, ...]:
    """List the frames of files.

    Raises:
        InputError: frames without position in a multi-frame file, or different numbers of frames and positions.
        SeriesError: one of several files has no position.
        GridError: a spacing that is not positive, or a damaged orientation.
    """
    return tuple(_frames(entries))


def _frames(entries: Sequence[Entry]) -> Iterator[Frame]:
    for entry in entries:
        found = frame_planes(entry.header)
        if len(found) != entry.frames:
            raise InputError(
                f"{entry.path}: has {entry.frames} frames but the positions of {len(found)}; export it again"
            )
        if len(entries) > 1 and not all(plane.located for plane in found):
            raise SeriesError("slices lack ImagePositionPatient (0020,0032); a series needs the position of each slice")
        yield from (Frame(entry, index, plane) for index, plane in enumerate(found))


def split_into_stacks(frames: Sequence[Frame]) -> tuple[Stack, ...]:
    """Split the slices of a series into stacks without two slices at the same position.

    Slices of different size, orientation or pixel spacing go to different stacks. Slices at the same position are
    assigned by the attribute that differs between all of them: image type, echo time, b-value, time and so on, or
    finally the order of InstanceNumber.

    Returns:
        At least one stack. A stack that cannot be split keeps several slices at the same position.
    """
    shapes = _group_by_geometry(frames)
    found: list[Stack] = []
    for group in shapes:
        parts = _split_by_position(group)
        name = _geometry_label(group[0]) if len(shapes) > 1 else ""
        found += [replace(part, label=", ".join(filter(None, (name, part.label)))) for part in parts]
    return tuple(found)


def _group_by_geometry(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Group frames of the same size, orientation and pixel spacing."""
    groups: list[list[Frame]] = []
    for frame in frames:
        group = next((group for group in groups if _same_geometry(group[0], frame)), None)
        if group is None:
            groups.append([frame])
        else:
            group.append(frame)
    return groups


def _same_geometry(one: Frame, two: Frame) -> bool:
    first, second = one.entry.header, two.entry.header
    return (
        (first.Rows, first.Columns) == (second.Rows, second.Columns)
        and bool(np.abs(one.plane.orientation - two.plane.orientation).max() <= DIRECTION_TOLERANCE)
        and np.allclose(one.plane.spacing_mm, two.plane.spacing_mm, rtol=DIRECTION_TOLERANCE)
    )


def _geometry_label(frame: Frame) -> str:
    plane = ("sagittal", "coronal", "axial")[int(np.abs(frame.plane.normal).argmax())]
    return f"{plane} slices of {' x '.join(f'{step:.3g}' for step in frame.plane.spacing_mm)} mm"


def _split_by_position(frames: Sequence[Frame]) -> list[Stack]:
    depth = _position_numbers(frames)
    most = int(np.bincount(depth).max())
    if most == 1:
        return [Stack(tuple(frames))]
    known = {
        name: values
        for name in (*DISTINGUISHING_KEYWORDS, *_PRIVATE_B_VALUES)
        if len(set(values := _values(frames, name))) > 1
    }
    single = [(name,) for name in known]
    for names in (*single, *combinations(known, 2)):
        keys = [" ".join(parts) for parts in zip(*(known[name] for name in names), strict=True)]
        if len(set(keys)) == most and _separates(depth, keys):
            return _stacks(frames, keys, " ".join(names))
    return _by_instance(frames, depth, most)


def _values(frames: Iterable[Frame], name: str) -> list[str]:
    return [frame.value(name) for frame in frames]


def _separates(depth: NDArray[np.intp], keys: Sequence[str]) -> bool:
    return len(set(zip(depth.tolist(), keys, strict=True))) == len(keys)


def _position_numbers(frames: Sequence[Frame]) -> NDArray[np.intp]:
    """Number the positions of slices along their normal; slices at the same position get the same number."""
    normal = frames[0].plane.normal
    along = np.array([frame.plane.position @ normal for frame in frames])
    order = np.argsort(along, kind="stable")
    steps = np.concatenate([[0], np.cumsum(np.diff(along[order]) >= POSITION_TOLERANCE_MM)])
    numbers = np.empty(len(frames), np.intp)
    numbers[order] = steps
    return numbers


def _by_instance(frames: Sequence[Frame], depth: NDArray[np.intp], most: int) -> list[Stack]:
    """Form the n-th stack from the n-th slice of each position by InstanceNumber; one stack without numbers."""
    numbers = [(_sortable(frame.value("InstanceNumber")), frame.index) for frame in frames]
    if len(set(numbers)) < len(frames):
        return [Stack(tuple(frames))]
    order = sorted(range(len(frames)), key=lambda index: numbers[index])
    seen = [0] * (int(depth.max()) + 1)
    keys = [""] * len(frames)
    for index in order:
        seen[depth[index]] += 1
        keys[index] = str(seen[depth[index]])
    return _stacks(frames, keys, f"of {most} by InstanceNumber, number")


def _stacks(frames: Sequence[Frame], keys: Sequence[str], name: str) -> list[Stack]:
    found = []
    for key in sorted(set(keys), key=_sortable):
        members = tuple(frame for frame, own in zip(frames, keys, strict=True) if own == key)
        found.append(Stack(members, f"{name} {key or '(none)'}"))
    return found


def _text(value: Any) -> str:
    """Return a value as text; several values are joined by backslashes, as in DICOM."""
    return str(value) if isinstance(value, str) or not isinstance(value, Sequence) else "\\".join(map(str, value))


def _sortable(text: str) -> tuple[int, Any]:
    try:
        return 0, float(text)
    except ValueError:
        return 1, text
