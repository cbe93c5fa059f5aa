"""All types of NIfTI files are read as by nibabel and SimpleITK."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

from CAMLocalizerLib.core import Grid, GridError, InputError
from CAMLocalizerLib.io import read_volume, write_nifti

ARRAY = np.arange(2 * 3 * 4, dtype=np.int16).reshape(4, 3, 2) * 11 - 40  # i, j, k
AFFINE = np.array([[-1.0, 0, 0, 12], [0, -1.25, 0, 10], [0, 0, 2.5, -30], [0, 0, 0, 1]])
RAS_TO_LPS = np.diag([-1.0, -1, 1, 1])


def turned(seed: int) -> np.ndarray:
    """A random rotation or reflection with spacing and offset."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    matrix = np.eye(4)
    matrix[:3, :3] = turn * (1.0, 1.25, 2.5)
    matrix[:3, 3] = rng.uniform(-100, 100, 3)
    return matrix


def save(path: Path, qform: np.ndarray, sform: np.ndarray, codes: tuple[int, int], kind=nibabel.Nifti1Image) -> Path:
    image = kind(ARRAY, AFFINE)
    image.set_qform(qform, codes[0])
    image.set_sform(sform, codes[1])
    image.header["pixdim"][1:4] = 1.0, 1.25, 2.5
    image.to_filename(path)
    return path


def check(path: Path, affine: np.ndarray, array: np.ndarray = ARRAY) -> None:
    volume = read_volume(path)
    np.testing.assert_allclose(volume.grid.ijk_to_lps, RAS_TO_LPS @ affine, atol=1e-3)
    np.testing.assert_array_equal(volume.array_kji, array.T.astype(np.float32))


@pytest.mark.parametrize("codes", [(0, 1), (0, 2), (0, 4), (1, 0), (2, 0), (1, 1), (1, 2), (1, 4), (2, 1), (3, 3)])
@pytest.mark.parametrize("seed", range(4))
def test_the_matrix_that_simpleitk_uses_is_used(tmp_path: Path, codes: tuple[int, int], seed: int) -> None:
    path = save(tmp_path / "a.nii", turned(seed), turned(seed + 100), codes)
    image = SimpleITK.ReadImage(str(path))
    volume = read_volume(path)
    np.testing.assert_allclose(volume.grid.origin_mm, image.GetOrigin(), atol=1e-3)
    np.testing.assert_allclose(volume.grid.spacing_mm, image.GetSpacing(), atol=1e-5)
    np.testing.assert_allclose(volume.grid.direction.ravel(), image.GetDirection(), atol=1e-5)
    assert len(volume.notes) == (codes[0] > 0 and codes[1] > 0)


@pytest.mark.parametrize("codes", [(1, 1), (1, 2), (2, 1)])
def test_results_store_both_matrices_unchanged(tmp_path: Path, codes: tuple[int, int]) -> None:
    path = save(tmp_path / "a.nii", turned(1), turned(2), codes)
    volume = read_volume(path)
    assert "sform and qform differ by up to" in volume.notes[0]
    write_nifti(volume.array_kji, volume.grid, tmp_path / "b.nii.gz", matrices=volume.matrices)
    before, after = nibabel.load(path), nibabel.load(tmp_path / "b.nii.gz")
    for field in ("qform_code", "sform_code", "quatern_b", "qoffset_x", "srow_x", "srow_y", "srow_z", "pixdim"):
        np.testing.assert_array_equal(
            before.header[field][:4] if field == "pixdim" else before.header[field],
            after.header[field][:4] if field == "pixdim" else after.header[field],
        )
    np.testing.assert_array_equal(before.affine, after.affine)
    assert read_volume(tmp_path / "b.nii.gz").grid.matches(volume.grid)


def test_matrices_that_agree_need_no_note(tmp_path: Path) -> None:
    assert read_volume(save(tmp_path / "a.nii", turned(1), turned(1), (1, 4))).notes == ()


def test_a_missing_matrix_gets_a_note(tmp_path: Path) -> None:
    volume = read_volume(save(tmp_path / "a.nii", AFFINE, AFFINE, (0, 0)))
    assert volume.notes == ("the file has no position in patient space: left and right are uncertain",)


@pytest.mark.parametrize(("unit", "factor"), [("meter", 1e-3), ("micron", 1e3)])
@pytest.mark.parametrize("codes", [(1, 0), (0, 1), (1, 1)])
def test_metres_and_micrometres_are_converted_to_millimetres(
    tmp_path: Path, unit: str, factor: float, codes: tuple[int, int]
) -> None:
    affine = AFFINE.copy()
    affine[:3] *= factor
    image = nibabel.Nifti1Image(ARRAY, affine)
    image.header.set_xyzt_units(unit)
    image.set_qform(affine, codes[0])
    image.set_sform(affine, codes[1])
    image.to_filename(tmp_path / "a.nii")
    check(tmp_path / "a.nii", AFFINE)
    assert "converted from" in read_volume(tmp_path / "a.nii").notes[0]


@pytest.mark.parametrize("kind", [nibabel.Nifti2Image, nibabel.Nifti1Image])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_both_versions_and_byte_orders_are_read(tmp_path: Path, kind: type, order: str, ending: str) -> None:
    image = kind(ARRAY, AFFINE, header=kind.header_class(endianness=order))
    image.set_data_dtype(np.int16)
    image.to_filename(tmp_path / f"a{ending}")
    check(tmp_path / f"a{ending}", AFFINE)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Pair, nibabel.Nifti2Pair])
@pytest.mark.parametrize("given", ["a.hdr", "a.img"])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_pair_is_read_by_either_file(tmp_path: Path, kind: type, given: str, zipped: bool) -> None:
    kind(ARRAY, AFFINE).to_filename(tmp_path / ("a.hdr.gz" if zipped else "a.hdr"))
    path = tmp_path / (f"{given}.gz" if zipped else given)
    check(path, AFFINE)
    assert read_volume(path).name == "a"


@pytest.mark.parametrize(("gone", "given"), [("a.img", "a.hdr"), ("a.hdr", "a.img")])
def test_half_a_pair_is_refused(tmp_path: Path, gone: str, given: str) -> None:
    nibabel.Nifti1Pair(ARRAY, AFFINE).to_filename(tmp_path / "a.hdr")
    (tmp_path / gone).unlink()
    with pytest.raises(InputError, match="is half of a NIfTI pair"):
        read_volume(tmp_path / given)


@pytest.mark.parametrize("given", ["a.hdr", "a.img"])
def test_analyze_files_are_refused(tmp_path: Path, given: str) -> None:
    nibabel.AnalyzeImage(ARRAY, AFFINE).to_filename(tmp_path / "a.hdr")
    with pytest.raises(InputError, match=r"is an Analyze 7.5 file, which does not say where left and right are"):
        read_volume(tmp_path / given)


@pytest.mark.parametrize("codes", [(1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("step", [0.0, 1.0, 2.5])
def test_a_two_dimensional_image_is_a_slice_at_its_position(
    tmp_path: Path, codes: tuple[int, int], step: float
) -> None:
    image = nibabel.Nifti1Image(ARRAY[:, :, 1], AFFINE)
    image.set_qform(AFFINE, codes[0])
    image.set_sform(AFFINE, codes[1])
    image.header["pixdim"][3] = step
    image.to_filename(tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii")
    assert volume.grid.size == (4, 3, 1)
    np.testing.assert_allclose(volume.grid.to_lps((3, 2, 0)), (RAS_TO_LPS @ AFFINE @ (3, 2, 0, 1))[:3], atol=1e-4)
    np.testing.assert_array_equal(volume.array_kji[0], ARRAY[:, :, 1].T)


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
@pytest.mark.parametrize(("slope", "inter"), [(None, None), (0.5, -3.0), (0.0, 9.0), (np.nan, np.nan)])
def test_every_type_and_scale_is_read_as_by_nibabel(
    tmp_path: Path, kind: str, slope: float | None, inter: float | None
) -> None:
    image = nibabel.Nifti1Image(np.abs(ARRAY % 100).astype(kind), AFFINE, dtype=kind)
    image.to_filename(tmp_path / "a.nii")
    if slope is not None:
        raw = bytearray((tmp_path / "a.nii").read_bytes())
        struct.pack_into("<2f", raw, 112, slope, inter)
        (tmp_path / "a.nii").write_bytes(raw)
    check(tmp_path / "a.nii", AFFINE, np.asarray(nibabel.load(tmp_path / "a.nii").dataobj))


def test_a_scale_that_is_not_a_number_is_refused(tmp_path: Path) -> None:
    nibabel.Nifti1Image(ARRAY, AFFINE).to_filename(tmp_path / "a.nii")
    raw = bytearray((tmp_path / "a.nii").read_bytes())
    struct.pack_into("<2f", raw, 112, np.inf, 0)
    (tmp_path / "a.nii").write_bytes(raw)
    with pytest.raises(InputError, match="voxels are scaled by inf"):
        read_volume(tmp_path / "a.nii")


def test_equal_channels_are_read_as_grey_and_colour_is_refused(tmp_path: Path) -> None:
    rgb = np.zeros(ARRAY.shape, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    for name in rgb.dtype.names:
        rgb[name] = np.abs(ARRAY)
    nibabel.Nifti1Image(rgb, AFFINE).to_filename(tmp_path / "a.nii")
    check(tmp_path / "a.nii", AFFINE, np.abs(ARRAY))
    rgb["G"][0, 0, 0] += 9
    nibabel.Nifti1Image(rgb, AFFINE).to_filename(tmp_path / "b.nii")
    with pytest.raises(InputError, match="3 differing channels"):
        read_volume(tmp_path / "b.nii")


@pytest.mark.parametrize(
    ("field", "place", "form", "value"),
    [("unit", 123, "B", 5), ("type", 70, "<h", 1536), ("start", 108, "<f", np.nan), ("start", 108, "<f", -9e9)],
)
def test_damaged_fields_are_refused(tmp_path: Path, field: str, place: int, form: str, value: int) -> None:
    nibabel.Nifti1Image(ARRAY, AFFINE).to_filename(tmp_path / "a.nii")
    raw = bytearray((tmp_path / "a.nii").read_bytes())
    struct.pack_into(form, raw, place, value)
    (tmp_path / "a.nii").write_bytes(raw)
    with pytest.raises(InputError, match=r"a\.nii: "):
        read_volume(tmp_path / "a.nii")


def test_a_huge_volume_is_refused_before_memory_is_allocated(tmp_path: Path) -> None:
    nibabel.Nifti1Image(ARRAY, AFFINE).to_filename(tmp_path / "a.nii")
    raw = bytearray((tmp_path / "a.nii").read_bytes())
    struct.pack_into("<8h", raw, 40, 3, 32000, 32000, 32000, 1, 1, 1, 1)
    (tmp_path / "a.nii").write_bytes(raw)
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(raw))
    for name in ("a.nii", "b.nii.gz"):
        with pytest.raises(InputError, match="truncated"):
            read_volume(tmp_path / name)


def test_the_qform_replaces_a_sheared_sform(tmp_path: Path) -> None:
    sheared = AFFINE.copy()
    sheared[0, 1] = 0.3
    path = save(tmp_path / "a.nii", AFFINE, sheared, (1, 1))
    check(path, AFFINE)
    assert "the qform was used" in read_volume(path).notes[0]
    with pytest.raises(GridError, match="sheared"):
        read_volume(save(tmp_path / "b.nii", AFFINE, sheared, (0, 1)))


@pytest.mark.parametrize("degrees", [0.0, 0.01, 0.1, 1.0, 3.0])
def test_the_rounding_of_a_quaternion_near_a_half_turn_is_not_a_difference(tmp_path: Path, degrees: float) -> None:
    """LPS axes are a half turn from RAS, so the quaternions of nearly straight volumes are rounded most."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    tilted = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    grid = Grid((64, 64, 40), (4.0, 4.0, 5.0), (-120.0, 30.0, -700.0), tilted)
    write_nifti(np.arange(64 * 64 * 40, dtype=np.float32).reshape(grid.shape_kji), grid, tmp_path / "a.nii")
    assert read_volume(tmp_path / "a.nii").notes == ()
