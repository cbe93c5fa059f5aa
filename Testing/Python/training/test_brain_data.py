"""Training data come from images and labels of whole slices; masks are not even there."""

from __future__ import annotations

import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from CAMLocalizerLib.core import Grid, InputError
from CAMLocalizerLib.io import write_nifti
from CAMLocalizerLib.training.brain_data import image_volume, read_brain_slices
from CAMLocalizerLib.training.evaluation import figshare_cases
from CAMLocalizerLib.training.slices import SliceSet, join
from CAMLocalizerLib.views import SliceStack

HEADER = "id,label,tumor,pid,patient_group,plane,run,author_fold,group_fold,pixel_mm_256\n"
ROWS = "1,1,meningioma,7,7,axial,1,1,1,0.98\n2,2,glioma,8,8,coronal,2,1,2,\n3,2,glioma,8,8,coronal,2,1,2,\n"


def png(pixels: np.ndarray) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "png")
    return stream.getvalue()


@pytest.fixture
def data(tmp_path):
    noise = np.random.default_rng(1)
    (tmp_path / "figshare_brain_tumor").mkdir()
    (tmp_path / "brain3d_btp").mkdir()
    (tmp_path / "figshare_brain_tumor" / "labels.csv").write_text(HEADER + ROWS)
    with zipfile.ZipFile(tmp_path / "figshare_brain_tumor" / "images_256.zip", "w") as archive:
        for number in (1, 2, 3):
            archive.writestr(f"{number:04d}.png", png(noise.integers(0, 255, (256, 256))))
    grid = Grid((64, 64, 5), (3.0, 3.0, 6.5), (0, 0, 0), np.eye(3))
    write_nifti(
        noise.random(grid.shape_kji).astype(np.float32), grid, tmp_path / "brain3d_btp" / "P01_Pre_T1post.nii.gz"
    )
    (tmp_path / "labels.csv").write_text("case,plane,slice,tumour\nP01_Pre,axial,1,0\nP01_Pre,axial,3,1\n")
    return tmp_path


def test_both_collections_are_read_where_no_mask_exists(data) -> None:
    slices = read_brain_slices(data, data / "labels.csv")
    assert slices.images.shape == (5, 128, 128)
    assert slices.labels.tolist() == [1, 2, 2, 0, 2]
    assert slices.planes.tolist() == ["axial", "coronal", "coronal", "axial", "axial"]
    assert slices.folds.tolist() == [1, 2, 2, 1, 1]


def test_a_slice_set_has_no_field_for_anything_finer_than_a_label() -> None:
    assert set(SliceSet.__dataclass_fields__) == {"images", "labels", "planes", "patients", "sites", "folds"}


def test_a_patient_in_two_folds_is_refused(data) -> None:
    slices = read_brain_slices(data, data / "labels.csv")
    moved = SliceSet(**(vars(slices) | {"folds": slices.folds + 1}))
    with pytest.raises(InputError, match=r"two folds.*P01"):
        join([slices, moved])


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_an_image_of_a_plane_comes_back_the_way_it_was_stored(plane) -> None:
    pixels = np.random.default_rng(4).random((3, 16, 12)).astype(np.float32)
    volume = image_volume(pixels, plane, spacing_mm=1.5, step_mm=7.0, name=plane)
    stack = SliceStack(volume, plane, spacing_mm=1.5, size=(12, 16))
    np.testing.assert_allclose(stack.batch(0, 3), pixels, rtol=1e-6)


def test_evaluation_puts_neighbouring_slices_into_one_stack(data) -> None:
    with zipfile.ZipFile(data / "figshare_brain_tumor" / "masks_256.zip", "w") as archive:
        for number in (1, 2, 3):
            archive.writestr(f"{number:04d}.png", png(np.eye(256) * 255))
    cases = list(figshare_cases(data / "figshare_brain_tumor", [1, 2]))
    assert [case.volume.grid.size for case in cases] == [(256, 256, 1), (256, 256, 2)]
    assert cases[1].truth_kji.sum() == 512
    assert [case.plane for case in cases] == ["axial", "coronal"]
