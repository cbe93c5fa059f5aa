"""Neighbouring slices of the figshare collection as volumes with masks."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.views import SliceStack
from reproduction.datasets.figshare.stacks import figshare_stacks, image_volume

HEADER = "id,tumor,pid,patient_group,plane,run,group_fold,pixel_mm_256\n"
ROWS = "1,meningioma,7,7,axial,1,1,1.2\n2,glioma,MR8,8,coronal,2,3,\n3,glioma,MR8,8,coronal,2,3,\n"


def write_pictures(path: Path, pictures: np.ndarray) -> None:
    with ZipFile(path, "w") as archive:
        for number, pixels in enumerate(pictures, start=1):
            stream = BytesIO()
            Image.fromarray(pixels.astype(np.uint8)).save(stream, "png")
            archive.writestr(f"{number:04d}.png", stream.getvalue())


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, (3, 20, 24))


@pytest.fixture
def folder(tmp_path: Path, pictures: np.ndarray) -> Path:
    (tmp_path / "labels.csv").write_text(HEADER + ROWS)
    write_pictures(tmp_path / "images_256.zip", pictures)
    return tmp_path


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_an_image_of_a_plane_comes_back_the_way_it_was_stored(plane) -> None:
    pixels = np.random.default_rng(4).random((3, 16, 12)).astype(np.float32)
    volume = image_volume(pixels, plane, spacing_mm=1.5, step_mm=7.0, name=plane)
    stack = SliceStack(volume, plane, spacing_mm=1.5, size=(12, 16))
    np.testing.assert_allclose(stack.batch(0, 3), pixels, rtol=1e-6)


def test_neighbouring_slices_of_a_patient_make_one_stack_where_no_mask_exists(folder, pictures) -> None:
    first, second = figshare_stacks(folder)
    assert (first.name, first.plane, first.label, first.patient, first.fold) == (
        "7-axial-1", "axial", "meningioma", "7", 1,
    )  # fmt: skip
    assert (second.name, second.plane, second.label, second.patient, second.fold) == (
        "MR8-coronal-2", "coronal", "glioma", "8", 3,
    )  # fmt: skip
    assert [stack.volume().grid.size for stack in (first, second)] == [(24, 20, 1), (24, 20, 2)]
    assert [stack.volume().grid.spacing_mm for stack in (first, second)] == [(1.2, 1.2, 7.0), (0.98, 0.98, 7.0)]
    np.testing.assert_array_equal(second.volume().array_kji, pictures[1:])


def test_the_mask_lies_on_the_grid_of_the_volume(folder) -> None:
    masks = np.zeros((3, 20, 24))
    masks[1, 8:12, 8:14] = 255
    write_pictures(folder / "masks_256.zip", masks)
    truth = figshare_stacks(folder)[1].truth_kji()
    assert truth.dtype == bool
    assert np.argwhere(truth)[[0, -1]].tolist() == [[0, 8, 8], [0, 11, 13]]
    assert truth.sum() == 24


def test_missing_masks_are_told_when_they_are_asked_for(folder) -> None:
    with pytest.raises(InputError, match=r"masks_256.zip cannot be read"):
        figshare_stacks(folder)[0].truth_kji()
