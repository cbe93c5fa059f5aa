"""Units, spaces and scales in NRRD and MetaImage headers are used, converted or refused."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from CAMLocalizerLib.core import GridError, InputError
from CAMLocalizerLib.io import read_label_map, read_volume

ARRAY = np.arange(24, dtype="<i2").reshape(2, 3, 4)
SPACING, ORIGIN = (1.0, 1.5, 2.5), (-12.5, 7.25, 30.0)


def nrrd(path: Path, *fields: str, factor: float = 1.0, directions: bool = True) -> Path:
    x, y, z = (step / factor for step in SPACING)
    place = [
        f"space directions: ({x},0,0) (0,{y},0) (0,0,{z})",
        f"space origin: ({','.join(str(value / factor) for value in ORIGIN)})",
    ]
    head = ["NRRD0004", "type: short", "dimension: 3", "sizes: 4 3 2", "endian: little", "encoding: raw"]
    lines = [*head, *fields, *(place if directions else [f"spacings: {x} {y} {z}"])]
    path.write_bytes(("\n".join(lines) + "\n\n").encode() + ARRAY.tobytes())
    return path


def meta(path: Path, *fields: str, factor: float = 1.0) -> Path:
    head = ["ObjectType = Image", "NDims = 3", "BinaryData = True", "BinaryDataByteOrderMSB = False", *fields]
    place = [
        f"Offset = {' '.join(str(value / factor) for value in ORIGIN)}",
        f"ElementSpacing = {' '.join(str(step / factor) for step in SPACING)}",
    ]
    lines = [*head, *place, "DimSize = 4 3 2", "ElementType = MET_SHORT", "ElementDataFile = LOCAL"]
    path.write_bytes(("\n".join(lines) + "\n").encode() + ARRAY.tobytes())
    return path


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1.0), ("um", 1e-3), ("cm", 10.0), ("m", 1000.0), ("µm", 1e-3)])
def test_lengths_are_converted_to_millimetres(tmp_path: Path, unit: str, factor: float) -> None:
    units = f'space units: "{unit}" "{unit}" "{unit}"'
    files = [
        nrrd(tmp_path / "a.nrrd", "space: left-posterior-superior", units, factor=factor),
        meta(tmp_path / "a.mha", f"DistanceUnits = {unit}", factor=factor),
    ]
    for path in files:
        volume = read_volume(path)
        np.testing.assert_allclose(volume.grid.spacing_mm, SPACING, rtol=1e-6)
        np.testing.assert_allclose(volume.grid.origin_mm, ORIGIN, rtol=1e-6)
        assert [f"converted from {unit}" in note for note in volume.notes] == [True] * (factor != 1)
        assert read_label_map(path).grid.matches(volume.grid)


def test_units_of_plain_spacings_are_used_too(tmp_path: Path) -> None:
    path = nrrd(tmp_path / "a.nrrd", 'units: "cm" "cm" "cm"', factor=10.0, directions=False)
    np.testing.assert_allclose(read_volume(path).grid.spacing_mm, SPACING)


@pytest.mark.parametrize("units", ['"mm" "mm" "um"', '"inch" "inch" "inch"', '"s" "s" "s"'])
def test_other_units_are_refused(tmp_path: Path, units: str) -> None:
    path = nrrd(tmp_path / "a.nrrd", "space: left-posterior-superior", f"space units: {units}")
    with pytest.raises(GridError, match=r"a.nrrd: its space units are .*; one unit of length"):
        read_volume(path)


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("left-posterior-superior", (1, 1, 1)),
        ("LPS", (1, 1, 1)),
        ("right-anterior-superior", (-1, -1, 1)),
        ("RAS", (-1, -1, 1)),
        ("left-anterior-superior", (1, -1, 1)),
        ("LAS", (1, -1, 1)),
    ],
)
def test_every_anatomical_space_is_converted_to_lps(tmp_path: Path, space: str, signs: tuple[int, int, int]) -> None:
    volume = read_volume(nrrd(tmp_path / "a.nrrd", f"space: {space}"))
    np.testing.assert_allclose(volume.grid.origin_mm, np.multiply(ORIGIN, signs))
    np.testing.assert_allclose(volume.grid.direction, np.diag(signs))
    assert volume.notes == ()


@pytest.mark.parametrize("space", ["scanner-xyz", "3D-right-handed", "3D-left-handed"])
def test_a_space_without_left_and_right_is_refused(tmp_path: Path, space: str) -> None:
    with pytest.raises(GridError, match="which does not define left and right"):
        read_volume(nrrd(tmp_path / "a.nrrd", f"space: {space}"))


def test_a_missing_space_gets_a_note(tmp_path: Path) -> None:
    assert "left and right are uncertain" in read_volume(nrrd(tmp_path / "a.nrrd", directions=False)).notes[0]


@pytest.mark.parametrize(
    ("frame", "count"),
    [("(1,0,0) (0,1,0) (0,0,1)", 0), ("(0,1,0) (1,0,0) (0,0,1)", 1), ("(0.9,0.1,0) (0,1,0) (0,0,1)", 1)],
)
def test_a_measurement_frame_does_not_affect_scalars(tmp_path: Path, frame: str, count: int) -> None:
    path = nrrd(tmp_path / "a.nrrd", "space: left-posterior-superior", f"measurement frame: {frame}")
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.array_kji, ARRAY)
    np.testing.assert_allclose(volume.grid.direction, np.eye(3))
    assert len(volume.notes) == count


def test_intensities_are_scaled_as_in_the_metaimage_header(tmp_path: Path) -> None:
    scale = ("ElementToIntensityFunctionSlope = 2", "ElementToIntensityFunctionOffset = -1000")
    volume = read_volume(meta(tmp_path / "a.mha", *scale))
    np.testing.assert_array_equal(volume.array_kji, ARRAY * 2.0 - 1000)
    with pytest.raises(InputError, match="ElementToIntensityFunctionSlope is 'two'"):
        read_volume(meta(tmp_path / "b.mha", "ElementToIntensityFunctionSlope = two"))


@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_a_name_that_is_not_utf_8_is_read(tmp_path: Path, ending: str) -> None:
    """As in archives that were packed on Windows; the image library would crash."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/M\xfcller"))
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    path = folder / (os.fsdecode(b"M\xfcller") + ending)
    nrrd(path, "space: LPS") if ending == ".nrrd" else meta(path)
    np.testing.assert_array_equal(read_volume(path).array_kji, ARRAY)
    np.testing.assert_array_equal(read_label_map(path).array_kji, ARRAY)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a.mnc", "a MINC file, which is not supported; convert it to NIfTI"),
        ("a.PAR", "Philips PAR/REC"),
        ("a.nii.bz2", "an archive, which is not supported; unpack it first"),
        ("a.zip", "unpack"),
    ],
)
def test_a_known_unsupported_format_is_named(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / name).write_bytes(b"something")
    with pytest.raises(InputError, match=f"{name}: is .*{reason}"):
        read_volume(tmp_path / name)
