"""LIDC-IDRI in its original layout: readers' outlines joined to nodules, slices 1 mm apart as channels."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_lidc import AIR, FIRST_Z_MM, PIXEL_MM, STEP_MM, TISSUE, Ball, annotation_xml, chain, write_scan

from CAMLocalizerLib.core import Grid, InputError, SettingsError, Volume
from reproduction.datasets.lidc import read_original_images
from reproduction.datasets.lidc.agreement import group_annotations, rated_nodules
from reproduction.datasets.lidc.annotations import Annotation, Outline, read_annotations
from reproduction.datasets.lidc.crops import Square
from reproduction.datasets.lidc.original import find_series, nodule_crop

MALIGNANT = Ball(40, 20, 5, 6, (5, 4, 4, 5))
BENIGN = Ball(15, 45, 8, 4, (1, 2, 3))
UNDECIDED = Ball(48, 48, 3, 4, (3, 3, 3, 3))
SEEN_BY_TWO = Ball(12, 12, 4, 3, (5, 5))


def annotation(reader: int, column: float, row: float, radius: int = 4, malignancy: int = 4) -> Annotation:
    outline = Outline(FIRST_Z_MM, np.array(chain(int(column), int(row), radius)), inclusion=True)
    return Annotation(reader, f"{reader}", malignancy, (outline,))


@pytest.fixture
def lidc(tmp_path):
    """Four patients with a malignant and a benign nodule each, and findings that do not count."""
    for number in range(1, 5):
        write_scan(tmp_path, number, [MALIGNANT, BENIGN, UNDECIDED, SEEN_BY_TWO])
    return tmp_path


@pytest.mark.parametrize("channels", [1, 3, 11, 21])
def test_nodules_come_with_their_labels_and_neighbouring_slices(lidc, channels: int) -> None:
    found = read_original_images(lidc, channels=channels, folds=2)
    assert found.problems == ()
    assert found.images.images.shape == (8, channels, 32, 32)
    assert found.images.labels.tolist() == [1, 0] * 4
    assert found.images.patients.tolist() == [f"LIDC-IDRI-{1 + index // 2:04d}" for index in range(8)]


def test_the_crop_shows_the_nodule_at_its_point(lidc) -> None:
    images = read_original_images(lidc, channels=1, folds=2, seed=2).images
    for image, (column, row) in zip(images.images[:, 0], images.points, strict=True):
        bright = np.argwhere(image > 0.5).mean(0)[::-1]
        np.testing.assert_allclose(bright, (column, row), atol=1.0)
        assert 0.12 < (image > 0.5).mean() < 0.3  # pi / 16 of the square, where nothing is cut off


def test_the_readers_agree_on_centre_and_diameter(lidc) -> None:
    scan = read_annotations(next(lidc.rglob("*.xml")))
    assert len(scan.annotations) == 4 + 3 + 4 + 2
    malignant, benign = rated_nodules(scan.annotations, PIXEL_MM)
    assert (malignant.rating, malignant.readers, malignant.malignant) == (4.5, 4, True)
    assert (benign.rating, benign.readers, benign.malignant) == (2.0, 3, False)
    assert (malignant.column, malignant.row) == pytest.approx((40.5, 20))  # two of four readers one pixel to the right
    assert malignant.z_mm == pytest.approx(FIRST_Z_MM + MALIGNANT.level * STEP_MM)
    assert malignant.diameter_px == pytest.approx(12, rel=0.1)


def test_an_outline_lies_outside_the_nodule() -> None:
    square = [(x, y) for x in range(3, 8) for y in range(3, 8) if x in (3, 7) or y in (3, 7)]
    ordered = sorted(square, key=lambda pixel: np.arctan2(pixel[1] - 5, pixel[0] - 5))
    inside = Outline(0.0, np.array(ordered), inclusion=True).inside
    assert sorted(map(tuple, inside.tolist())) == [(x, y) for x in (4, 5, 6) for y in (4, 5, 6)]
    assert Outline(0.0, np.array([[4, 4]]), inclusion=True).inside.tolist() == [[4, 4]]


def test_a_hole_is_taken_off_the_area() -> None:
    disc = annotation(0, 20, 20, radius=8)
    hole = Outline(FIRST_Z_MM, np.array(chain(20, 20, 3)), inclusion=False)
    hollow = Annotation(0, "hollow", 4, (*disc.outlines, hole))
    area = disc.diameter_px**2 - annotation(0, 20, 20, radius=3).diameter_px ** 2
    assert hollow.diameter_px**2 == pytest.approx(area)


def test_close_annotations_are_one_nodule_and_distant_ones_are_not() -> None:
    together = [annotation(reader, 20 + reader, 20) for reader in range(3)]
    apart = annotation(3, 40, 20)
    assert group_annotations([*together, apart], 1.0) == [together, [apart]]


def test_two_neighbouring_nodules_are_told_apart_by_the_readers() -> None:
    left = [annotation(reader, 20, 20) for reader in range(3)]
    right = [annotation(reader, 23, 20) for reader in range(3)]
    assert group_annotations(left + right, 1.0) == [left, right]


def test_one_nodule_marked_twice_by_a_reader_is_left_out_as_ambiguous() -> None:
    marked = [annotation(reader, 20, 20) for reader in (0, 1, 2, 2)]
    assert rated_nodules(marked, 1.0) == ()
    assert len(rated_nodules(marked[:3], 1.0)) == 1


def test_channels_are_a_millimetre_apart_along_the_scan() -> None:
    for direction, origin in ((1.0, -50.0), (-1.0, -20.0)):
        grid = Grid((16, 16, 13), (0.7, 0.7, 2.5), (0, 0, origin), np.diag([1.0, 1.0, direction]))
        z_mm = origin + direction * 2.5 * np.arange(13)
        volume = Volume(np.broadcast_to(z_mm[:, None, None], grid.shape_kji).astype(np.float32), grid, name="ramp")
        crop = nodule_crop(volume, -36.2, Square(8, 8, 6), 11, 4)
        np.testing.assert_allclose(crop[:, 2, 2], -36.2 + np.arange(-5, 6), rtol=1e-5)
        assert nodule_crop(volume, -49.0, Square(8, 8, 6), 21, 4)[0, 0, 0] == pytest.approx(-50)


def test_hounsfield_units_are_cut_to_the_window() -> None:
    grid = Grid((8, 8, 3), (1, 1, 1), (0, 0, 0), np.eye(3))
    values = np.tile(np.array([-2000, AIR, TISSUE, 3000] * 2, dtype=np.float32), (3, 8, 1))
    crop = nodule_crop(Volume(values, grid, name="ct"), 1.0, Square(3.5, 3.5, 8), 1, 8)
    assert crop[0, 0].tolist() == [-1000, AIR, TISSUE, 400] * 2


def test_annotations_may_lie_in_a_folder_of_their_own(lidc) -> None:
    (lidc / "LIDC-XML-only").mkdir()
    for path in list(lidc.glob("LIDC-IDRI-*/**/*.xml")):
        path.rename(lidc / "LIDC-XML-only" / path.name)
    (lidc / "LIDC-XML-only" / "cxr.xml").write_text('<IdriReadMessage xmlns="http://www.nih.gov"/>')
    assert len(read_original_images(lidc, folds=2).images) == 8


def test_damaged_scans_are_named_all_at_once_and_the_others_read(lidc) -> None:
    first, second, third = find_series(lidc)[:3]
    next(first.folder.glob("*.xml")).write_text("<LidcReadMessage><cut")
    sorted(second.folder.glob("*.dcm"))[5].unlink()
    for path in third.folder.glob("*.xml"):
        path.write_text(annotation_xml(third.uid, [Ball(40, 20, 30, 6, (5, 5, 5))]))
    write_scan(lidc, 5, [MALIGNANT, BENIGN])
    found = read_original_images(lidc, folds=2)
    assert found.images.patients.tolist() == ["LIDC-IDRI-0004"] * 2 + ["LIDC-IDRI-0005"] * 2
    problems = "\n".join(found.problems)
    assert "the annotations cannot be read" in problems
    assert "LIDC-IDRI-0001: " in problems
    assert "no annotations for series" in problems
    assert "LIDC-IDRI-0002: " in problems
    assert "slices are missing" in problems
    assert "lies outside the scan of (64, 64, 12) voxels" in problems


def test_folders_without_scans_or_nodules_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="no CT series of LIDC-IDRI"):
        read_original_images(tmp_path)
    write_scan(tmp_path, 1, [UNDECIDED])
    with pytest.raises(InputError, match="no nodule that three readers outlined and agree on"):
        read_original_images(tmp_path)
    next(tmp_path.rglob("*.xml")).unlink()
    with pytest.raises(InputError, match=r"no annotations \(XML files\)"):
        read_original_images(tmp_path)
    with pytest.raises(SettingsError, match="channels must be one of 1, 3, 11, 21, got 5"):
        read_original_images(tmp_path, channels=5)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<malignancy>5<", "<malignancy>7<", "malignancy of nodule 0-40 must be 1 to 5, got 7"),
        ("<imageZposition>", "<z>", "cannot be read"),
        ("SeriesInstanceUid", "Other", "ResponseHeader without SeriesInstanceUid"),
    ],
)
def test_annotations_that_make_no_sense_are_refused(tmp_path, old: str, new: str, message: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(annotation_xml("1.2", [MALIGNANT]).replace(old, new))
    with pytest.raises(InputError, match=message):
        read_annotations(path)
