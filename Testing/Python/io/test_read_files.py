"""Volumes are read with the values and the position that were written."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from PIL import Image

from CAMLocalizerLib.core import Grid, GridError, InputError, Volume
from CAMLocalizerLib.io import case_name, describe, read_volume, write_nifti

ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")


def to_itk(volume: Volume) -> SimpleITK.Image:
    image = SimpleITK.GetImageFromArray(volume.array_kji)
    image.SetSpacing(volume.grid.spacing_mm)
    image.SetOrigin(volume.grid.origin_mm)
    image.SetDirection(volume.grid.direction.ravel().tolist())
    return image


def write_itk(volume: Volume, path: Path, *, compressed: bool = True) -> Path:
    SimpleITK.WriteImage(to_itk(volume), str(path), useCompression=compressed)
    return path


def write_nibabel(path: Path, sform: np.ndarray | None, qform: np.ndarray | None, codes: tuple[int, int]) -> Path:
    data = np.arange(24, dtype=np.int16).reshape(4, 3, 2)
    image = nibabel.Nifti1Image(data, None)
    image.header.set_zooms((1.0, 2.0, 3.0))
    image.set_sform(sform, codes[0], update_affine=False)
    image.set_qform(qform, codes[1], update_affine=False)
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("compressed", [True, False])
def test_every_format_preserves_an_oblique_volume(
    ending: str, compressed: bool, tmp_path: Path, oblique_volume: Volume
) -> None:
    volume = read_volume(write_itk(oblique_volume, tmp_path / f"brain{ending}", compressed=compressed))
    assert volume.name == "brain"
    assert volume.grid.matches(oblique_volume.grid)
    np.testing.assert_array_equal(volume.array_kji, oblique_volume.array_kji)


def test_a_reflected_storage_order_is_kept(tmp_path: Path, oblique_volume: Volume) -> None:
    grid = oblique_volume.grid
    flipped = Grid(grid.size, grid.spacing_mm, grid.origin_mm, grid.direction * (1, -1, 1))
    path = write_itk(Volume(oblique_volume.array_kji, flipped), tmp_path / "flipped.nii.gz")
    assert read_volume(path).grid.matches(flipped)


def test_nifti_places_voxels_where_nibabel_does(tmp_path: Path) -> None:
    affine = np.array([[-0.9, 0, 0, 4], [0, 0, 3.5, -8], [0, 1.2, 0, 15], [0, 0, 0, 1.0]])
    nibabel.save(nibabel.Nifti1Image(np.arange(24, dtype=np.int16).reshape(4, 3, 2), affine), tmp_path / "a.nii")
    ras = read_volume(tmp_path / "a.nii").grid.to_lps((3, 2, 1)) * (-1, -1, 1)
    np.testing.assert_allclose(ras, (affine @ (3, 2, 1, 1))[:3], atol=1e-5)


@pytest.mark.parametrize(
    ("codes", "wins"), [((1, 2), "sform"), ((2, 1), "qform"), ((2, 0), "sform"), ((0, 1), "qform")]
)
def test_slicers_choice_of_two_matrices_is_used(codes: tuple[int, int], wins: str, tmp_path: Path) -> None:
    matrices = {"sform": np.diag([1.0, 2, 3, 1]), "qform": np.diag([1.0, 2, 3, 1])}
    matrices["qform"][:3, 3] = (5.0, 6.0, 7.0)
    path = write_nibabel(tmp_path / "two.nii", matrices["sform"], matrices["qform"], codes)
    np.testing.assert_allclose(read_volume(path).grid.origin_mm, matrices[wins][:3, 3] * (-1, -1, 1))


@pytest.mark.parametrize("shear", [0.5, 0.02])
def test_a_sheared_nifti_is_refused(shear: float, tmp_path: Path) -> None:
    matrix = np.diag([1.0, 2, 3, 1])
    matrix[0, 1] = shear
    with pytest.raises(GridError, match=r"sheared.nii: its matrix is sheared"):
        read_volume(write_nibabel(tmp_path / "sheared.nii", matrix, None, (1, 0)))


def test_a_sform_that_contradicts_the_spacing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GridError, match=r"a.nii: its matrix"):
        read_volume(write_nibabel(tmp_path / "a.nii", np.diag([5.0, 2, 3, 1]), None, (2, 0)))


@pytest.mark.parametrize("value", [0.0, -3.0, np.nan])
def test_a_non_positive_nifti_spacing_is_refused(value: float, tmp_path: Path) -> None:
    path = write_nibabel(tmp_path / "a.nii", np.diag([1.0, 2, 3, 1]), None, (1, 0))
    content = bytearray(path.read_bytes())
    content[88:92] = np.float32(value).tobytes()
    path.write_bytes(content)
    with pytest.raises(GridError, match=r"a.nii: spacing must be positive"):
        read_volume(path)


@pytest.mark.parametrize(
    ("ending", "old", "new", "message"),
    [
        (".mha", "ElementSpacing = 1 2 3", "ElementSpacing = 1 2 0", "spacing must be positive"),
        (".mha", "ElementSpacing = 1 2 3", "ElementSpacing = 1 2 -3", "spacing must be positive"),
        (".mha", "Matrix = 1 0 0 0 1 0", "Matrix = 1 0.5 0 0 1 0", "direction must have orthogonal unit columns"),
        (".mha", "Matrix = 1 0 0 0 1 0", "Matrix = 2 0 0 0 1 0", "direction must have orthogonal unit columns"),
        (".mha", "0 0 1\nOffset", "0 0 0\nOffset", "direction must be a rotation"),
        (".nrrd", "(0,0,3)", "(0,0,0)", "spacing must be positive"),
        (".nrrd", "(0,0,3)", "(1,0,3)", "direction must have orthogonal unit columns"),
        (".nrrd", "space directions: (1,0,0) (0,2,0) (0,0,3)", "spacings: 1 2 -3", "spacing must be positive"),
        (".nrrd", "space directions: (1,0,0) (0,2,0) (0,0,3)", "spacings: 1 2 0", "spacing must be positive"),
    ],
)
def test_a_damaged_geometry_is_refused_with_the_file_name(
    ending: str, old: str, new: str, message: str, tmp_path: Path
) -> None:
    grid = Grid((4, 3, 2), (1, 2, 3), (0, 0, 0), np.eye(3))
    path = write_itk(Volume(np.arange(24).reshape(2, 3, 4), grid), tmp_path / f"bad{ending}", compressed=False)
    content = path.read_bytes()
    assert old.encode() in content
    path.write_bytes(content.replace(old.encode(), new.encode()))
    with pytest.raises(GridError, match=f"bad{ending}: {message}"):
        read_volume(path)


@pytest.mark.parametrize("ending", [".nrrd", ".nii", ".nii.gz", ".mha"])
@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.99])
def test_a_truncated_file_is_refused_in_one_sentence(
    ending: str,
    compressed: bool,
    part: float,
    tmp_path: Path,
    oblique_volume: Volume,
    capfd: pytest.CaptureFixture,
) -> None:
    path = write_itk(oblique_volume, tmp_path / f"cut{ending}", compressed=compressed)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(InputError, match=f"cut{ending}: "):
        read_volume(path)
    assert capfd.readouterr().err == ""


def test_a_header_without_its_data_file_is_refused(tmp_path: Path, oblique_volume: Volume) -> None:
    path = write_itk(oblique_volume, tmp_path / "a.mhd", compressed=False)
    (tmp_path / "a.raw").unlink()
    with pytest.raises(InputError, match=r"a.mhd: .* lacks its data file"):
        read_volume(path)


def test_missing_and_empty_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.nii: no such file"):
        read_volume(tmp_path / "none.nii")
    (tmp_path / "empty.nrrd").touch()
    with pytest.raises(InputError, match=r"empty.nrrd: the file is empty"):
        read_volume(tmp_path / "empty.nrrd")


@pytest.mark.parametrize("ending", [".nrrd", ".nii", ".nii.gz", ".mha", ".dcm", ".png", ".txt"])
def test_a_wrong_extension_is_refused(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"text{ending}"
    path.write_text("Dear reader, this is a letter and no image at all." * 9)
    with pytest.raises(InputError, match=f"text{ending}: (the name says|not a supported image)"):
        read_volume(path)


def test_a_gzipped_file_without_gz_in_its_name_is_refused(tmp_path: Path, oblique_volume: Volume) -> None:
    path = write_itk(oblique_volume, tmp_path / "a.nii")
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(InputError, match=r"must be named .nii.gz"):
        read_volume(path)


def test_four_axes_are_refused_except_for_a_single_time_point(tmp_path: Path) -> None:
    data = np.arange(48, dtype=np.float32).reshape(4, 3, 2, 2)
    for count in (1, 2):
        nibabel.save(nibabel.Nifti1Image(data[..., :count], np.eye(4)), tmp_path / f"t{count}.nii")
    assert read_volume(tmp_path / "t1.nii").grid.size == (4, 3, 2)
    with pytest.raises(InputError, match=r"t2.nii: has 4 axes"):
        read_volume(tmp_path / "t2.nii")


def test_colour_is_refused_unless_it_is_grey(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (6, 8), dtype=np.uint8)
    Image.fromarray(np.dstack([grey] * 3)).save(tmp_path / "grey.png")
    Image.fromarray(np.dstack([grey, grey, grey[::-1]])).save(tmp_path / "colour.png")
    np.testing.assert_array_equal(read_volume(tmp_path / "grey.png").array_kji[0], grey)
    with pytest.raises(InputError, match=r"colour.png: has 3 differing channels"):
        read_volume(tmp_path / "colour.png")


def test_a_vector_volume_is_refused(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(2, 3, 4, 3))
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array, isVector=True), str(tmp_path / "vector.nrrd"))
    with pytest.raises(InputError, match=r"vector.nrrd: has 3 differing channels"):
        read_volume(tmp_path / "vector.nrrd")


@pytest.mark.parametrize("ending", [".png", ".tif", ".jpg"])
def test_a_picture_is_one_slice_of_1_mm(ending: str, tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (60, 80), dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / f"a{ending}", dpi=(300, 300))
    assert read_volume(tmp_path / f"a{ending}").grid == Grid((80, 60, 1), (1, 1, 1), (0, 0, 0), np.eye(3))
    assert "1 mm" in describe(tmp_path / f"a{ending}").notes[0]


@pytest.mark.parametrize("ending", [".png", ".tif", ".jpg"])
def test_a_truncated_picture_is_refused(ending: str, tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    path = tmp_path / f"cut{ending}"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 80), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=f"cut{ending}: "):
        read_volume(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "1 of 24 voxels are NaN"), (np.inf, "1 of 24 voxels are infinite")]
)
@pytest.mark.parametrize("name", ["holes.nrrd", "holes.mha", "holes.nii", "holes.nii.gz"])
def test_non_finite_voxels_are_refused(value: float, message: str, name: str, tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    array[0, 1, 1] = value
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array), str(tmp_path / name))
    with pytest.raises(InputError, match=f"{name}: .*{message}"):
        read_volume(tmp_path / name)


def test_a_constant_image_is_refused_with_its_file_named_once(tmp_path: Path) -> None:
    write_nifti(np.full((2, 3, 4), 5.0), Grid((4, 3, 2), (1, 1, 1), (0, 0, 0), np.eye(3)), tmp_path / "flat.nii.gz")
    with pytest.raises(InputError, match=r"flat.nii.gz: every voxel is 5"):
        read_volume(tmp_path / "flat.nii.gz")


@pytest.mark.parametrize(
    ("name", "case"),
    [("brain.nii.gz", "brain"), ("a.b.NRRD", "a.b"), ("x.seg.nrrd", "x"), ("1.2.840", "1.2.840"), ("s.dcm", "s")],
)
def test_a_case_is_named_after_its_file(name: str, case: str) -> None:
    assert case_name(Path("somewhere") / name) == case


def test_a_volume_is_described(tmp_path: Path, oblique_volume: Volume) -> None:
    info = describe(write_itk(oblique_volume, tmp_path / "brain.nrrd"))
    assert (info.name, info.format, info.size, info.orientation) == ("brain", "NRRD", (20, 24, 9), "LPS")
    assert info.acquisition_plane == "axial"
    assert info.percentiles[50] == pytest.approx(float(np.median(oblique_volume.array_kji)))
    assert 10 < info.oblique_deg < 40
