"""DICOM files and folders: list their series and read one as a volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, SeriesError
from .dicom_concatenations import join_concatenations
from .dicom_files import Entry, drop_duplicates, image_entries, read_entry
from .dicom_image_types import check_image_type, is_secondary_capture
from .dicom_pixels import is_inverted, measured_pixels, rescale_types
from .dicom_stacks import Stack, list_frames, split_into_stacks
from .image import RawImage, prefix_path, report_damage
from .quiet import quiet
from .suv import suvbw_scale

if TYPE_CHECKING:
    from pydicom import Dataset

MAX_LISTED = 30
UNITS = {"CT": "HU", "PT": "SUVbw"}


@dataclass(frozen=True)
class SeriesInfo:
    """Description of a DICOM series without patient data.

    Args:
        uid: SeriesInstanceUID; if the series has several stacks, followed by the stack's number: ``1.2.3#2``.
        number: SeriesNumber, empty if missing.
        modality: ``MR``, ``CT``, ``PT``, ...
        slices: number of slices.
        columns: pixels per row.
        rows: pixels per column.
        files: files of the series.
        label: attribute that distinguishes the stack from the others of its series; empty for a single stack.
    """

    uid: str
    number: str
    modality: str
    slices: int
    columns: int
    rows: int
    files: tuple[Path, ...] = field(repr=False)
    label: str = ""

    def __str__(self) -> str:
        number = f" number {self.number}" if self.number else ""
        slices = "1 slice" if self.slices == 1 else f"{self.slices} slices"
        label = f" ({self.label})" if self.label else ""
        return f"{self.modality}{number}, {slices} of {self.columns} x {self.rows}{label}, {self.uid}"

    def matches(self, series: str) -> bool:
        """Return whether a SeriesInstanceUID or SeriesNumber, optionally with a stack number, names this stack."""
        _uid, mark, stack = self.uid.partition("#")
        return series in (self.uid, f"{self.number}{mark}{stack}")


@dataclass(frozen=True, eq=False)
class FoundStack:
    """A stack of slices and its description.

    Args:
        stack: the slices.
        info: description without patient data.
        notes: assumptions made while grouping the files.
    """

    stack: Stack
    info: SeriesInfo
    notes: tuple[str, ...] = ()

    @property
    def entries(self) -> list[Entry]:
        """Files of the stack."""
        return list(self.stack.entries)


def list_series(folder: str | Path) -> tuple[SeriesInfo, ...]:
    """Return the image series in a folder and its subfolders, most slices first, with one entry per stack.

    Raises:
        InputError: no such folder, or a damaged DICOM file in it.
    """
    with quiet(), report_damage(Path(folder), "DICOM header of a file"):
        return tuple(found for series in _scan(Path(folder)).values() for found in _listed(series))


def _listed(entries: Sequence[Entry]) -> list[SeriesInfo]:
    """Return the stacks of a series; a series whose slices have no usable position counts as one stack."""
    try:
        return [found.info for found in _stacks(entries)]
    except InputError:
        return [_info(entries, sum(entry.frames for entry in entries))]


def read_dicom_folder(folder: Path, series: str | None = None) -> RawImage:
    """Read the only image series of a folder, or the selected one.

    Args:
        folder: searched with its subfolders.
        series: SeriesInstanceUID or SeriesNumber, with ``#`` and a number to select one of several stacks; required if
            there are several.

    Raises:
        SeriesError: no series, several series without a selection, or an incomplete one.
        InputError: a damaged file, or missing attributes for SUV.
        GridError: gantry tilt or a damaged geometry.
    """
    return _read_stack(find_stack(folder, series), folder)


def read_dicom_file(path: Path, series: str | None = None) -> RawImage:
    """Read one DICOM file, single- or multi-frame.

    Args:
        path: the file.
        series: stack of the file, as for a folder; required if there are several.

    Raises:
        InputError: a damaged file or one without an image.
        SeriesError: several stacks without a selection, or part of a concatenation.
    """
    return _read_stack(find_stack(path, series), path)


def series_entries(folder: Path, series: str | None = None) -> list[Entry]:
    """Find the files of the only image series of a folder, or of the selected one; raises as :func:`find_stack`."""
    return find_stack(folder, series).entries


def find_stack(path: Path, series: str | None = None) -> FoundStack:
    """Find the only stack of slices of a folder or file, or the selected one; arguments as for reading it.

    Raises:
        SeriesError: no series, several without a selection, or missing parts of a concatenation.
        InputError: a damaged file or one without an image.
        GridError: a damaged geometry.
    """
    with quiet(), prefix_path(path), report_damage(path, "DICOM header"):
        found = _scan(path) if path.is_dir() else _scan_file(path)
        wanted = _choose_series(found, series, path)
        stacks = _stacks(found[wanted])
        chosen = [each for each in stacks if series is not None and each.info.matches(series)] or stacks
        if len(chosen) == 1:
            return chosen[0]
        listing = _listing([each.info for each in stacks])
        raise SeriesError(
            f"{path}: the series has {len(stacks)} stacks of slices; choose one with --series UID#NUMBER:{listing}"
        )


def _choose_series(found: dict[str, list[Entry]], series: str | None, path: Path) -> str:
    """Return the key of the selected series."""
    infos = {uid: _info(entries, sum(entry.frames for entry in entries)) for uid, entries in found.items()}
    ordered = sorted(infos, key=lambda uid: (-infos[uid].slices, uid))
    name = None if series is None else series.partition("#")[0]
    chosen = [uid for uid in ordered if name is None or name in (uid, infos[uid].number)]
    if len(chosen) == 1:
        return chosen[0]
    listing = _listing([infos[uid] for uid in ordered])
    if not ordered:
        raise SeriesError(f"{path}: contains no DICOM image; give a folder of DICOM files or an image file")
    if not chosen:
        raise SeriesError(f"{path}: there is no series {series}; choose one of these with --series UID:{listing}")
    raise SeriesError(f"{path}: contains {len(chosen)} series; choose one with --series UID:{listing}")


def _listing(infos: Sequence[SeriesInfo]) -> str:
    """Return a line for each series, up to the first ``MAX_LISTED``."""
    more = f"\n  and {len(infos) - MAX_LISTED} more" if len(infos) > MAX_LISTED else ""
    return "".join(f"\n  {info}" for info in infos[:MAX_LISTED]) + more


def file_entry(path: Path) -> Entry:
    """Read the header of one DICOM image; raises InputError if the file is damaged or contains no image."""
    with quiet():
        entry = read_entry(path)
    if entry is None:
        raise InputError(f"{path}: this DICOM file contains no image; give an image file or its folder")
    return entry


def _scan(folder: Path) -> dict[str, list[Entry]]:
    """Group the images in a folder by series, most slices first."""
    found: dict[str, list[Entry]] = {}
    for entry in image_entries(folder):
        found.setdefault(str(entry.header.get("SeriesInstanceUID", "")), []).append(entry)
    return dict(sorted(found.items(), key=lambda item: (-sum(entry.frames for entry in item[1]), item[0])))


def _scan_file(path: Path) -> dict[str, list[Entry]]:
    entry = file_entry(path)
    return {str(entry.header.get("SeriesInstanceUID", "")): [entry]}


def _stacks(entries: Sequence[Entry]) -> list[FoundStack]:
    kept, copies = drop_duplicates(entries)
    kept, parts = join_concatenations(kept)
    check_image_type([entry.header for entry in kept])
    stacks = split_into_stacks(list_frames(kept))
    found = []
    for number, stack in enumerate(stacks, start=1):
        info = _info(stack.entries, len(stack.frames))
        if len(stacks) > 1:
            info = replace(info, uid=f"{info.uid}#{number}", label=stack.label)
        found.append(FoundStack(stack, info, (*copies, *parts)))
    return found


def _info(entries: Sequence[Entry], slices: int) -> SeriesInfo:
    first = entries[0].header
    return SeriesInfo(
        uid=str(first.get("SeriesInstanceUID", "")),
        number=str(first.get("SeriesNumber", "") or ""),
        modality=str(first.get("Modality", "") or "unknown modality"),
        slices=slices,
        columns=int(first.Columns),
        rows=int(first.Rows),
        files=tuple(entry.path for entry in entries),
    )


def _read_stack(found: FoundStack, source: Path) -> RawImage:
    with quiet(), prefix_path(source), report_damage(source, "DICOM header"):
        stack, headers = found.stack, found.stack.headers
        _check_complete(found)
        order, grid = stack.order_and_grid()
        inverted = {is_inverted(header) for header in headers}
        if len(inverted) > 1:
            raise SeriesError("the series mixes MONOCHROME1 and MONOCHROME2 slices; keep the slices of one type")
        array = _pixels(stack, order)
        modality, notes = found.info.modality, found.notes
        if modality == "PT":
            scale = suvbw_scale(headers)
            array *= np.float32(scale.factor)
            notes += scale.notes
        if not stack.frames[0].plane.located:
            notes += ("the image has no position in patient space",)
        unit, doubts = intensity_unit(headers, modality)
        return RawImage(array, grid, "DICOM", modality, unit, notes=notes + doubts, inverted=inverted == {True})


def intensity_unit(headers: Sequence[Dataset], modality: str) -> tuple[str, tuple[str, ...]]:
    """Return the unit of the rescaled pixels, and a note if it is not the usual unit of the modality."""
    unit = UNITS.get(modality, "")
    if any(is_secondary_capture(header) for header in headers):
        return "", ("the image is a secondary capture, whose position and values are not reliable",)
    kinds = {kind for header in headers for kind in rescale_types(header)} - {"", unit}
    if modality == "CT" and kinds:
        return "", (f"RescaleType (0028,1054) is {', '.join(sorted(kinds))}: the values are not Hounsfield units",)
    return unit, ()


def _check_complete(found: FoundStack) -> None:
    """Raise SeriesError if a PET series lacks slices at an end, which slice positions cannot show."""
    slices, header = len(found.stack.frames), found.stack.headers[0]
    expected = int(header.get("NumberOfSlices", 0) or 0)
    if found.info.modality == "PT" and len(found.stack.headers) > 1 and slices < expected:
        raise SeriesError(f"slices are missing: found {slices} of {expected}; copy the whole series")


def _pixels(stack: Stack, order: NDArray[np.intp]) -> NDArray[np.float32]:
    """Decode file by file into one array, to avoid a second copy of the volume."""
    header = stack.frames[0].entry.header
    array = np.empty((len(order), int(header.Rows), int(header.Columns)), np.float32)
    slots: dict[int, list[tuple[int, int]]] = {}
    for k, number in enumerate(order):
        frame = stack.frames[number]
        slots.setdefault(id(frame.entry), []).append((k, frame.index))
    for entry in stack.entries:
        places, frames = zip(*slots[id(entry)], strict=True)
        array[list(places)] = measured_pixels(entry, frames)
    return array
