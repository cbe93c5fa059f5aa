"""The figshare collection as images with labels, and its masks read apart from them."""

from __future__ import annotations

import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from CAMLocalizerLib.core import InputError, SettingsError
from reproduction.datasets.figshare.images import figshare_image_set, to_square
from reproduction.datasets.figshare.masks import figshare_masks

HEADER = "id,label,tumor,pid,patient_group,group_fold,x0,y0,x1,y1\n"
ROWS = "1,1,meningioma,7,7,1,0,0,9,9\n2,2,glioma,8,8,2,0,0,9,9\n30,3,pituitary,9,9,4,0,0,9,9\n"
PICTURES = ("0001", "0002", "0030")


def write_zip(path, pictures) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, pixels in pictures.items():
            stream = BytesIO()
            Image.fromarray(pixels.astype(np.uint8)).save(stream, "png")
            archive.writestr(f"{name}.png", stream.getvalue())


@pytest.fixture
def folder(tmp_path):
    noise = np.random.default_rng(1)
    (tmp_path / "labels.csv").write_text(HEADER + ROWS)
    write_zip(tmp_path / "images_256.zip", {name: noise.integers(0, 255, (32, 32)) for name in PICTURES})
    return tmp_path


def write_masks(folder) -> None:
    masks = {name: np.zeros((32, 32)) for name in PICTURES}
    masks["0030"][8:16, 4:24] = 1
    write_zip(folder / "masks_256.zip", masks)


def test_images_labels_patients_and_folds_are_read_where_no_mask_exists(folder) -> None:
    images = figshare_image_set(folder, size=16)
    assert images.images.shape == (3, 1, 16, 16)
    assert images.images.dtype == np.float32
    assert [images.classes[label] for label in images.labels] == ["meningioma", "glioma", "pituitary tumour"]
    assert images.patients.tolist() == ["7", "8", "9"]
    assert images.folds.tolist() == [1, 2, 4]
    assert images.names.tolist() == list(PICTURES)


def test_images_are_those_of_the_archive_normalised_one_by_one(folder) -> None:
    images = figshare_image_set(folder, size=32, normalisation="zscore").images
    np.testing.assert_allclose(images.mean((1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(images.std((1, 2, 3)), 1, atol=1e-4)
    stored = np.random.default_rng(1).integers(0, 255, (32, 32))
    assert np.corrcoef(images[0, 0].ravel(), stored.ravel())[0, 1] > 0.9999


def test_channels_repeat_the_image(folder) -> None:
    images = figshare_image_set(folder, size=16, channels=3).images
    assert images.shape == (3, 3, 16, 16)
    np.testing.assert_array_equal(images[:, 0], images[:, 2])


@pytest.mark.parametrize("size", [16, 20, 64])
def test_a_square_shows_the_whole_picture_without_shift(size) -> None:
    rows, columns = np.mgrid[0:32, 0:32].astype(np.float32)
    centres = (np.arange(size) + 0.5) * 32 / size - 0.5
    inner = slice(size // 8, -size // 8)  # beyond the outermost pixels their value holds
    square = to_square(rows * 2 - columns, size)
    expected = centres[:, None] * 2 - centres[None, :]
    np.testing.assert_allclose(square[inner, inner], expected[inner, inner], atol=0.2)  # half a pixel would be 0.5 to 1


def test_a_pattern_finer_than_the_new_pixels_averages_out() -> None:
    stripes = np.tile(np.float32([0, 100]), (32, 16))
    np.testing.assert_allclose(to_square(stripes, 8)[:, 1:-1], 50, atol=1e-3)


def test_masks_lie_where_the_images_show_them(folder) -> None:
    write_masks(folder)
    masks = figshare_masks(folder, np.array(["0030", "0001"]), size=16)
    assert masks.dtype == bool
    assert np.argwhere(masks[0])[[0, -1]].tolist() == [[4, 2], [7, 11]]
    assert masks[0].sum() == 4 * 10
    assert not masks[1].any()


def test_names_that_an_archive_lacks_are_told_together(folder) -> None:
    (folder / "labels.csv").write_text(HEADER + ROWS + "40,1,glioma,3,3,1,,,,\n41,1,glioma,3,3,1,,,,\n")
    with pytest.raises(InputError, match=r"lacks 2 of 5 pictures: 0040.png, 0041.png"):
        figshare_image_set(folder, size=16)


def test_a_missing_archive_is_refused(folder) -> None:
    with pytest.raises(InputError, match=r"masks_256.zip cannot be read"):
        figshare_masks(folder, ["0001"], size=16)


def test_an_unknown_tumour_is_refused(folder) -> None:
    (folder / "labels.csv").write_text(HEADER + "1,1,lipoma,7,7,1,,,,\n")
    with pytest.raises(InputError, match=r"names tumours \['lipoma'\]"):
        figshare_image_set(folder, size=16)


def test_labels_without_slices_are_refused(folder) -> None:
    (folder / "labels.csv").write_text(HEADER)
    with pytest.raises(InputError, match="names no slices"):
        figshare_image_set(folder, size=16)


def test_a_patient_in_two_folds_is_refused(folder) -> None:
    (folder / "labels.csv").write_text(HEADER + ROWS.replace("8,8,2", "7,7,2"))
    with pytest.raises(InputError, match="7"):
        figshare_image_set(folder, size=16)


@pytest.mark.parametrize("settings", [{"size": 0}, {"size": 16, "channels": 0}, {"size": 16, "normalisation": "no"}])
def test_settings_out_of_range_are_refused(folder, settings) -> None:
    with pytest.raises(SettingsError):
        figshare_image_set(folder, **settings)
