"""Read units, spaces and scales from NRRD and MetaImage headers, which the image library ignores."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core import GridError, InputError
from .data_size import check_data_size, check_deflated_meta_image, check_listed_files
from .headers import TEXT_HEADER_BYTES, check_spacing

MM_PER_UNIT = {
    "nm": 1e-6,
    "um": 1e-3,
    "µm": 1e-3,
    "μm": 1e-3,
    "micron": 1e-3,
    "microns": 1e-3,
    "micrometer": 1e-3,
    "micrometers": 1e-3,
    "mm": 1.0,
    "millimeter": 1.0,
    "millimeters": 1.0,
    "millimetre": 1.0,
    "millimetres": 1.0,
    "cm": 10.0,
    "m": 1000.0,
    "meter": 1000.0,
    "meters": 1000.0,
    "?": 1.0,
    "": 1.0,
}
ANATOMICAL = frozenset(
    {
        "left-posterior-superior",
        "right-anterior-superior",
        "left-anterior-superior",
        "lps",
        "ras",
        "las",
    }
)
MAX_AXES = 4
_PER_AXIS = ("offset", "position", "origin", "elementspacing", "elementsize", "centerofrotation")
_MATRICES = ("transformmatrix", "rotation", "orientation")
NO_SPACE = "the file does not state its space: left and right are uncertain"
_QUOTED = re.compile(r'"([^"]*)"')


@dataclass(frozen=True)
class TextHeader:
    """Fields of a text header that the image library does not read.

    Args:
        mm_per_unit: millimetres in the file's unit of length.
        slope: scaling of the intensities.
        intercept: offset of the intensities.
        notes: assumptions and conversions, one sentence each.
    """

    mm_per_unit: float = 1.0
    slope: float = 1.0
    intercept: float = 0.0
    notes: tuple[str, ...] = ()


def read_text_header(path: Path, kind: str) -> TextHeader:
    """Read units, spaces and scales from the header of an ``NRRD`` or ``MetaImage`` file.

    Raises:
        GridError: a spacing that is not positive, a space that is not anatomical, or a unit that is not a length.
        InputError: a scale of the intensities that is not a number.

    Source: NRRD format definition (teem.sourceforge.net/nrrd/format.html), sections 4 and 5; MetaIO documentation.
    """
    with path.open("rb") as stream:
        fields = _fields(path, stream.read(TEXT_HEADER_BYTES))
    check_data_size(path, fields, kind)
    if kind == "MetaImage":
        check_deflated_meta_image(path, fields)
        check_listed_files(path, fields)
    for name in ("spacings", "elementspacing"):
        if name in fields:
            check_spacing(path, _numbers(fields[name]))
    return _nrrd(path, fields) if kind == "NRRD" else _meta_image(path, fields)


def _fields(path: Path, head: bytes) -> dict[str, str]:
    """Return the fields before the blank line or the data by lower-case name, without key/value pairs.

    Raises:
        InputError: a field that is not text; the image library would crash when quoting it.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(head.split(b"\n"), start=1):
        text = line.decode("utf-8", "replace").strip("\r")
        name, mark, value = text.partition("=" if re.match(r"\s*\w+\s*=", text) else ":")
        if not text.strip():
            break
        if text.startswith("#") or value.startswith("=") or name.strip() in ("Comment", "Name"):
            continue
        if "\ufffd" in text or not text.replace("\t", " ").isprintable():
            raise InputError(f"{path}: line {number} of its header is not text; the file is damaged, export it again")
        if mark:
            found.setdefault(name.strip().lower(), value.strip())
        if name.strip() == "ElementDataFile":
            break
    return found


def _nrrd(path: Path, fields: Mapping[str, str]) -> TextHeader:
    placed = "space directions" in fields
    units = fields.get("space units") if placed else fields.get("units")
    factor = _mm_per_unit(path, _QUOTED.findall(units or ""), "space units" if placed else "units")
    space = fields.get("space", "").lower()
    notes = []
    if space and space not in ANATOMICAL and len(_numbers(fields.get("sizes", ""))) < 4:
        raise GridError(
            f"{path}: its space is {space!r}, which does not define left and right; save it as left-posterior-superior"
        )
    if fields.get("encoding", "").lower() in ("bzip2", "bz2"):
        raise InputError(f"{path}: is compressed with bzip2, which is not supported; save it with gzip or raw encoding")
    if not space:
        notes.append(NO_SPACE)
    if factor != 1.0:
        notes.append(f"lengths were converted from {_QUOTED.findall(units or '')[0]} to millimetres")
    if "measurement frame" in fields and not _is_identity(fields["measurement frame"]):
        notes.append("the measurement frame applies only to vectors and was ignored")
    if "old min" in fields or "oldmin" in fields:
        notes.append("the values were quantised (old min, old max) and are read as stored")
    return TextHeader(factor, notes=tuple(notes))


def _meta_image(path: Path, fields: Mapping[str, str]) -> TextHeader:
    _check_axes(path, fields)
    unit = fields.get("distanceunits", "")
    factor = _mm_per_unit(path, [unit], "DistanceUnits")
    slope, intercept = (
        _number(path, fields.get(f"elementtointensityfunction{name}", default), name)
        for name, default in (("slope", "1"), ("offset", "0"))
    )
    notes = [] if factor == 1.0 else [f"lengths were converted from {unit} to millimetres"]
    if (slope, intercept) != (1.0, 0.0):
        notes.append(f"intensities were scaled by ElementToIntensityFunction: {slope:g} x + {intercept:g}")
    return TextHeader(factor, slope, intercept, tuple(notes))


def _check_axes(path: Path, fields: Mapping[str, str]) -> None:
    """Raise InputError for inconsistent axes and values, which the image library uses unchecked to allocate memory."""
    axes = _numbers(fields.get("ndims", ""))
    if len(axes) != 1 or axes[0] not in range(1, MAX_AXES + 1):
        raise InputError(f"{path}: NDims is {fields.get('ndims', 'missing')}, 1 to {MAX_AXES} axes are expected")
    count = int(axes[0])
    for name, expected in {**dict.fromkeys(_PER_AXIS, count), **dict.fromkeys(_MATRICES, count**2)}.items():
        if name in fields and len(fields[name].split()) != expected:
            raise InputError(f"{path}: {name} holds {len(fields[name].split())} values, {expected} are expected")
    sizes = _numbers(fields.get("dimsize", ""))
    if len(sizes) != count or not all(size in range(1, 1 << 20) for size in sizes):
        raise InputError(
            f"{path}: DimSize is {fields.get('dimsize', 'missing')!r}; a positive size for each axis is expected"
        )
    channels = _numbers(fields.get("elementnumberofchannels", "1"))
    if len(channels) != 1 or channels[0] not in range(1, 1 << 10):
        raise InputError(f"{path}: ElementNumberOfChannels is {fields['elementnumberofchannels']!r}; 1 is expected")


def _mm_per_unit(path: Path, units: list[str], field: str) -> float:
    """Return the size in millimetres of the unit that all axes share."""
    lengths = {MM_PER_UNIT.get(unit.strip().lower(), 0.0) for unit in units} or {1.0}
    if len(lengths) > 1 or 0.0 in lengths:
        raise GridError(f"{path}: its {field} are {', '.join(units)}; one unit of length, such as mm, is expected")
    return lengths.pop()


def _is_identity(text: str) -> bool:
    numbers = re.findall(r"[^\s(),]+", text)
    try:
        return len(numbers) == 9 and bool(np.allclose(np.reshape([float(each) for each in numbers], (3, 3)), np.eye(3)))
    except ValueError:
        return False


def _number(path: Path, text: str, name: str) -> float:
    found = _numbers(text)
    if len(found) != 1 or not np.isfinite(found[0]) or (name == "slope" and found[0] == 0):
        raise InputError(f"{path}: ElementToIntensityFunction{name.capitalize()} is {text!r}; a number is expected")
    return found[0]


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.split())
    except ValueError:
        return (float("nan"),)
