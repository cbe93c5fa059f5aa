"""Nodule patches: squares of some diameters, off the centre by chance, and read where no mask exists."""

from __future__ import annotations

import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from CAMLocalizerLib.core import InputError, SettingsError
from reproduction.datasets.lidc import Square, cut, nodule_square, read_nodule_images, read_nodules
from reproduction.datasets.lidc.crops import cut_scales
from reproduction.datasets.lidc.masks import read_nodule_masks

HEADER = "id,patient,nodule,malignancy_median,label,equiv_diam_px,cx,cy,in_zip\n"
LABELS = ("benign", "malignant", "indeterminate", "malignant")
DIAMETERS = (10.0, 24.0, 12.0, 18.0)


def disc(column: float, row: float, diameter: float) -> np.ndarray:
    rows, columns = np.mgrid[:128, :128]
    return (columns - column) ** 2 + (rows - row) ** 2 <= diameter**2 / 4


def centre(index: int) -> tuple[float, float]:
    return 60.0 + index % 3, 66.0 - index % 4


def png(pixels: np.ndarray) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "png")
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Sixteen patients with one bright disc each, masks beside them."""
    lines = []
    with (
        zipfile.ZipFile(tmp_path / "images_128.zip", "w") as images,
        zipfile.ZipFile(tmp_path / "masks_128.zip", "w") as masks,
    ):
        for index in range(16):
            (column, row), diameter = centre(index), DIAMETERS[index % 4]
            inside = disc(column, row, diameter)
            noise = np.random.default_rng(index).integers(0, 60, inside.shape)
            name = f"P{index:02d}_n0"
            images.writestr(f"{name}.png", png(noise + 180 * inside))
            masks.writestr(f"{name}.png", png(inside * 255))
            lines.append(f"{name},P{index:02d},0,4,{LABELS[index % 4]},{diameter},{column},{row},1\n")
    lines.append("P99_n0,P99,0,4,malignant,9,64,64,0\n")
    (tmp_path / "nodules.csv").write_text(HEADER + "".join(lines))
    return tmp_path


def test_benign_and_malignant_nodules_with_pixels_are_read(folder) -> None:
    nodules = read_nodules(folder)
    assert len(nodules) == 12
    assert [nodule.label for nodule in nodules[:3]] == [0, 1, 1]
    assert (nodules[1].column, nodules[1].row, nodules[1].diameter_px) == (61.0, 65.0, 24.0)


def test_images_come_without_the_masks(folder) -> None:
    (folder / "masks_128.zip").unlink()
    images = read_nodule_images(folder, folds=2)
    assert images.images.shape == (12, 1, 32, 32)
    assert images.classes == ("benign", "malignant")
    np.testing.assert_allclose(images.images.mean((2, 3)), 0, atol=1e-5)


def test_a_nodule_fills_about_half_of_its_crop_whatever_its_size(folder) -> None:
    shares = read_nodule_masks(folder, shift=0.0).mean((1, 2))
    np.testing.assert_allclose(shares, np.pi / 16, rtol=0.15)


def test_points_and_masks_agree_with_the_shifted_crops(folder) -> None:
    images, masks = read_nodule_images(folder, folds=2, seed=4), read_nodule_masks(folder, seed=4)
    centres = np.array([np.argwhere(mask).mean(0)[::-1] for mask in masks])
    np.testing.assert_allclose(images.points, centres, atol=0.6)
    assert np.abs(images.points - 15.5).max() > 5
    inside = [
        image[0][mask].mean() > image[0][~mask].mean() + 1 for image, mask in zip(images.images, masks, strict=True)
    ]
    assert all(inside)


def test_the_same_seed_gives_the_same_crops(folder) -> None:
    one, same, other = (read_nodule_images(folder, folds=2, seed=seed).images for seed in (3, 3, 4))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_three_channels_are_two_three_and_four_diameters(folder) -> None:
    square = Square(64, 64, 20)
    image = np.add.outer(np.zeros(128), np.arange(128.0))
    crops = cut_scales(image, square, 3)
    spans = crops[:, 0, -1] - crops[:, 0, 0]
    np.testing.assert_allclose(spans, np.array([20, 30, 40]) * 31 / 32, rtol=0.01)
    assert read_nodule_images(folder, channels=3, folds=2).images.shape == (12, 3, 32, 32)


def test_a_crop_reads_the_image_at_pixel_centres() -> None:
    image = np.random.default_rng(0).random((40, 50))
    np.testing.assert_allclose(cut(image, Square(20.5, 17.5, 8), 8), image[14:22, 17:25], rtol=1e-6)


def test_beyond_the_image_its_border_holds() -> None:
    image = np.add.outer(np.zeros(20), np.arange(20.0))
    crop = cut(image, Square(0.0, 10.0, 16), 16)
    assert np.all(crop[:, :8] == 0)
    assert crop[0, -1] == pytest.approx(7.5)


def test_fine_detail_is_averaged_where_a_crop_is_coarser() -> None:
    board = np.indices((128, 128)).sum(0) % 2.0
    assert np.abs(cut(board, Square(63.5, 63.5, 120), 16) - 0.5).max() < 0.1


def test_squares_are_moved_by_up_to_half_a_diameter_evenly() -> None:
    random = np.random.default_rng(0)
    squares = [nodule_square(10, 20, 8, random) for _ in range(400)]
    moved = np.array([(square.column - 10, square.row - 20) for square in squares]) / 8
    assert 0.48 < np.abs(moved).max() <= 0.5
    assert np.abs(moved.mean(0)).max() < 0.05
    assert {square.side for square in squares} == {16}


def test_more_channels_than_one_slice_has_are_refused(folder) -> None:
    with pytest.raises(SettingsError, match="gives 1 or 3 channels, got 11; read more from the original"):
        read_nodule_images(folder, channels=11)


def test_all_rows_that_cannot_be_understood_are_named_at_once(folder) -> None:
    text = (folder / "nodules.csv").read_text().replace("P04_n0,P04,0,4,benign,10.0", "P04_n0,P04,0,4,benign,0")
    (folder / "nodules.csv").write_text(text.replace("P01,0,4,malignant", "P01,0,4,harmless"))
    with pytest.raises(InputError, match=r"line 3 \(P01_n0\): label must be one of.*line 6 \(P04_n0\): equiv_diam_px"):
        read_nodules(folder)


def test_missing_columns_files_and_pictures_are_named(folder) -> None:
    with zipfile.ZipFile(folder / "images_128.zip", "w") as archive:
        archive.writestr("P01_n0.png", png(np.zeros((128, 128))))
    with pytest.raises(InputError, match="lacks 11 of 12 pictures"):
        read_nodule_images(folder, folds=2)
    (folder / "nodules.csv").write_text("id,patient\nP01_n0,P01\n")
    with pytest.raises(InputError, match="lacks the columns label, equiv_diam_px, cx, cy, in_zip"):
        read_nodules(folder)
    (folder / "nodules.csv").unlink()
    with pytest.raises(InputError, match=r"nodules\.csv is missing"):
        read_nodules(folder)
