"""Tables and images: what training sees is what use sees, and every bad line is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_training import write_pictures

from CAMLocalizerLib.core import Grid, Volume
from CAMLocalizerLib.io import read_volume, write_nifti
from CAMLocalizerLib.training.checks import Problems
from CAMLocalizerLib.training.config import DataOptions, InputOptions
from CAMLocalizerLib.training.dataset import prepare, read_images
from CAMLocalizerLib.training.table import Row, read_table
from CAMLocalizerLib.views import SliceStack, mip_images, normalise_slices

SLICES = InputOptions(spacing_mm=1.5, size=(20, 18), normalisation="zscore", view="coronal")


def read(tmp_path: Path, text: str, **options: str) -> tuple[list[Row], list[str]]:
    (tmp_path / "labels.csv").write_text(text)
    problems = Problems()
    return read_table(tmp_path / "labels.csv", tmp_path, DataOptions("labels.csv", **options), problems), (
        problems.sentences
    )


def row(volume: Volume, **values) -> Row:
    return Row(2, "v.nii", Path("v.nii"), "a", "P1", **values)


def test_a_table_with_other_column_names_and_semicolons_is_read(tmp_path) -> None:
    (tmp_path / "a.png").touch()
    (tmp_path / "b.png").touch()
    rows, problems = read(
        tmp_path,
        "Bild;Typ;Fall;fold;x;y;z\na.png;A;1;2;3.5;4;\nb.png;B;2;1;;;\n",
        file="Bild",
        label="Typ",
        patient="Fall",
    )
    assert not problems
    assert [(each.label, each.patient, each.fold, each.point) for each in rows] == [
        ("A", "1", 2, (3.5, 4.0, 0.0)),
        ("B", "2", 1, None),
    ]


def test_every_bad_line_of_a_table_is_named(tmp_path) -> None:
    for name in "abcd":
        (tmp_path / f"{name}.png").touch()
    text = (
        "file,label,patient,fold,slice,x,y\n"
        "a.png,A,P1,1,,,\nb.png,A,P1,2,,,\nmissing.png,B,P2,1,,,\nc.png,,P3,0,,,\n"
        "d.png,A,P4,1,-1,,\nd.png,A,P4,1,,3,\nd.png,A,P4,1,,inf,2\na.png,A,P1,1,,,\nc.png,A,P5,,,,\n"
    )
    _, problems = read(tmp_path, text)
    joined = "\n".join(problems)
    for sentence in (
        "line 4: ",
        "missing.png does not exist",
        "line 5: column 'label' is empty",
        "line 5: fold must be a whole number from 1, got '0'",
        "line 6: slice must be a whole number from 0, got '-1'",
        "line 7: the centre point needs numbers for x and y",
        "line 8: the centre point must be finite",
        "listed more than once: a.png",
        "all labels are 'A'",
        "lines without a fold, where others have one: 10",
        "patients in two folds: P1",
    ):
        assert sentence in joined


def test_sites_and_views_of_lines_are_read_and_checked(tmp_path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.nii").touch()
    lines = [
        "a.nii,A,P1,axial,north,0",
        "a.nii,A,P1,coronal,north,0",
        "a.nii,B,P1,coronal,north,1",
        "b.nii,B,P2,,south,",
    ]
    header = "file,label,patient,view,site,slice\n"

    rows, problems = read(tmp_path, header + "\n".join(lines) + "\n")

    assert not problems
    assert [(each.name, each.view, each.site) for each in rows] == [
        ("a.nii:axial:0", "axial", "north"),
        ("a.nii:coronal:0", "coronal", "north"),
        ("a.nii:coronal:1", "coronal", "north"),
        ("b.nii", "", "south"),
    ]
    _, problems = read(tmp_path, header + "a.nii,A,P1,oblique,north,\nb.nii,B,P2,,,\na.nii,A,P1,,north,\n")
    assert any("view must be axial, coronal, sagittal or empty, got 'oblique'" in sentence for sentence in problems)
    assert any("lines without a site, where others have one: 3" in sentence for sentence in problems)


def test_a_volume_is_sliced_in_the_plane_of_each_line(tmp_path, oblique_volume) -> None:
    write_nifti(oblique_volume.array_kji, oblique_volume.grid, tmp_path / "v.nii")
    rows = [
        Row(line, "v.nii", tmp_path / "v.nii", "a", "P1", slice=1, view=view)
        for line, view in enumerate(("axial", "coronal", "sagittal"), 2)
    ]

    prepared = read_images(rows, SLICES, problems := Problems())

    assert not problems.sentences
    assert [each.image_planes for each in prepared] == [("axial",), ("coronal",), ("sagittal",)]
    volume = read_volume(tmp_path / "v.nii")
    for each, view in zip(prepared, ("axial", "coronal", "sagittal"), strict=True):
        expected = SliceStack(volume, view, spacing_mm=1.5, size=(20, 18)).batch(1, 2)
        assert np.allclose(each.images, normalise_slices(expected, "zscore"))


def test_missing_columns_are_named_with_the_nearest_one(tmp_path) -> None:
    rows, problems = read(tmp_path, "file,lable,patient\n", fold="fould")
    assert rows == []
    assert any("no column 'label' for [data] label; did you mean 'lable'?" in each for each in problems)
    assert any("no column 'fould' for [data] fold" in each for each in problems)
    assert read(tmp_path, "file,label,patient\n")[1] == [f"{tmp_path / 'labels.csv'}: has no line besides the header"]


def test_labels_that_are_no_class_are_named(tmp_path) -> None:
    (tmp_path / "a.png").touch()
    (tmp_path / "b.png").touch()
    text = "file,label,patient\na.png,glioma,P1\nb.png,gliom,P2\n"
    (tmp_path / "labels.csv").write_text(text)
    problems = Problems()
    options = DataOptions("labels.csv", classes=("glioma", "none"))
    read_table(tmp_path / "labels.csv", tmp_path, options, problems)
    assert problems.sentences == [
        f"{tmp_path / 'labels.csv'}: label 'gliom' is not one of [data] classes; did you mean 'glioma'?",
        f"{tmp_path / 'labels.csv'}: no line has the label 'none' of [data] classes",
    ]


def test_slices_are_those_that_the_localizer_looks_at(oblique_volume) -> None:
    array = oblique_volume.array_kji.copy()
    across = SliceStack(oblique_volume, "coronal", spacing_mm=1.5, size=(20, 18)).axes.slice_axis_kji
    np.moveaxis(array, across, 0)[[5, 8]] = 7.0
    volume = Volume(array, oblique_volume.grid)
    prepared = prepare(volume, [row(volume)], SLICES)
    stack = SliceStack(volume, "coronal", spacing_mm=1.5, size=(20, 18))
    slices = stack.batch(0, len(stack))
    kept = [index for index, image in enumerate(slices) if np.ptp(image) > 1]
    assert len(kept) == len(stack) - 2
    np.testing.assert_array_equal(prepared.images, normalise_slices(slices[kept], "zscore"))
    assert prepared.names[0] == f"v.nii:{kept[0]}"


def test_slices_with_hardly_any_of_the_body_are_taken_only_where_a_line_names_them(oblique_volume) -> None:
    array = np.abs(oblique_volume.array_kji) + 50
    array[0] = 0.0
    array[0, 4, 4:8] = 60.0
    volume = Volume(array, oblique_volume.grid)
    options = InputOptions(spacing_mm=1.5, size=(20, 18), normalisation="none", view="axial", centre="content")
    judged = SliceStack(volume, "axial", spacing_mm=1.5, size=(20, 18), centre="content").filled
    (end,) = np.flatnonzero(~judged)
    assert len(prepare(volume, [row(volume)], options).images) == len(array) - 1
    assert prepare(volume, [row(volume, slice=int(end))], options).images.max() > 0


def test_slices_are_centred_on_content_as_in_use(oblique_volume) -> None:
    array = np.pad(oblique_volume.array_kji, ((0, 0), (2, 40), (30, 0)))
    volume = Volume(array, Grid(array.shape[::-1], oblique_volume.grid.spacing_mm, (0, 0, 0), np.eye(3)))
    options = InputOptions(spacing_mm=1.5, size=(20, 18), normalisation="none", view="axial", centre="content")
    stack = SliceStack(volume, "axial", spacing_mm=1.5, size=(20, 18), centre="content")
    prepared = prepare(volume, [row(volume, slice=4, point=tuple(volume.grid.to_lps((35, 20, 4))))], options)
    np.testing.assert_array_equal(prepared.images, stack.batch(4, 5))
    np.testing.assert_allclose(prepared.points[0], stack.grid.to_ijk(volume.grid.to_lps((35, 20, 4)))[:2], atol=1e-4)


def test_a_centre_in_lps_lands_on_the_pixel_that_shows_it(oblique_grid) -> None:
    array = np.zeros(oblique_grid.shape_kji, dtype=np.float32)
    array[4, 10, 12] = 100
    volume = Volume(array + np.random.default_rng(0).random(array.shape), oblique_grid)
    point = tuple(oblique_grid.to_lps((12, 10, 4)).tolist())
    options = InputOptions(spacing_mm=0.5, size=(60, 60), normalisation="none", view="axial")
    prepared = prepare(volume, [row(volume, point=point)], options)
    known = np.flatnonzero(np.isfinite(prepared.points).all(axis=1))
    assert len(known) == 1
    image = prepared.images[known[0]]
    brightest = np.unravel_index(image.argmax(), image.shape)
    np.testing.assert_allclose(prepared.points[known[0]], brightest[::-1], atol=1)


def test_a_picture_keeps_pixels_and_points_as_they_are(tmp_path) -> None:
    write_pictures(tmp_path)
    problems = Problems()
    rows = read_table(tmp_path / "labels.csv", tmp_path / "images", DataOptions("labels.csv"), problems)
    found = read_images(rows, InputOptions(normalisation="none"), problems)
    assert not len(problems)
    with Image.open(tmp_path / "images" / "03.png") as picture:
        np.testing.assert_allclose(found[3].images[0], np.asarray(picture), rtol=1e-6)
    np.testing.assert_array_equal(found[3].points[0], rows[3].point[:2])
    assert found[3].names == ("03.png",)


def test_labelled_slices_and_projections_of_a_volume(oblique_volume) -> None:
    rows = [row(oblique_volume, slice=6), row(oblique_volume, slice=2)]
    prepared = prepare(oblique_volume, rows, SLICES)
    assert prepared.names == ("v.nii:6", "v.nii:2")
    options = InputOptions(spacing_mm=2.0, size=(32, 32), normalisation="suv-30", view="projections")
    point = tuple(oblique_volume.grid.to_lps((9.5, 11.5, 4)).tolist())
    both = prepare(oblique_volume, [row(oblique_volume, point=point)], options)
    np.testing.assert_array_equal(both.images, mip_images(oblique_volume, 2.0, (32, 32)))
    np.testing.assert_allclose(both.points, [[15.5, 15.5], [15.5, 15.5]], atol=1e-4)
    assert both.planes == ("coronal", "sagittal")


@pytest.mark.parametrize(
    ("values", "view", "message"),
    [
        ({"slice": 99}, "axial", "has no slice 99, only 0 to 8"),
        ({"point": (0.0, 0.0, 500.0)}, "axial", "lies outside the image"),
        ({"slice": 1}, "projections", "labelled as a whole"),
    ],
)
def test_lines_that_do_not_fit_their_volume_are_refused(tmp_path, oblique_volume, values, view, message) -> None:
    path = tmp_path / "v.nii.gz"
    write_nifti(oblique_volume.array_kji, oblique_volume.grid, path)
    problems = Problems()
    options = InputOptions(spacing_mm=2.0, size=(32, 32), view=view)
    found = read_images([Row(2, path.name, path, "a", "P", **values)], options, problems)
    assert not found
    assert message in problems.sentences[0]
    assert str(path) in problems.sentences[0]


def test_a_centre_outside_what_the_network_sees_is_refused(tmp_path) -> None:
    write_pictures(tmp_path)
    path = tmp_path / "images" / "01.png"
    problems = Problems()
    options = InputOptions(spacing_mm=1.0, size=(8, 8))
    read_images([Row(2, "01.png", path, "a", "P", point=(1.0, 8.0, 0.0))], options, problems)
    assert "lies outside what the network sees, 8 x 8 pixels" in problems.sentences[0]


def test_images_of_mixed_size_are_named_unless_they_are_resampled(tmp_path) -> None:
    write_pictures(tmp_path, 4)
    Image.fromarray(np.eye(20, dtype=np.uint8) * 200).save(tmp_path / "images" / "00.png")
    paths = sorted((tmp_path / "images").iterdir())
    rows = [Row(index, path.name, path, "a", "P") for index, path in enumerate(paths)]
    problems = Problems()
    read_images(rows, InputOptions(), problems)
    assert problems.sentences == [
        "images of mixed size: 24 x 16 pixels of 1 mm (3 files, such as 03.png), 20 x 20 pixels of 1 mm (1 files, "
        "such as 00.png); give [input] size and spacing_mm to resample them"
    ]
    resampled = Problems()
    found = read_images(rows, InputOptions(spacing_mm=2.0, size=(12, 8)), resampled)
    assert not len(resampled)
    assert {each.images.shape for each in found} == {(1, 8, 12)}


def test_files_that_cannot_be_read_are_named_one_by_one(tmp_path) -> None:
    write_pictures(tmp_path, 4)
    broken = tmp_path / "images" / "02.png"
    broken.write_bytes(b"no picture")
    grid = Grid((4, 5, 6), (1.0, 2.0, 4.0), (0.0, 0.0, 0.0), np.eye(3))
    write_nifti(np.random.default_rng(0).random(grid.shape_kji).astype(np.float32), grid, tmp_path / "v.nii.gz")
    paths = [*sorted((tmp_path / "images").iterdir()), tmp_path / "v.nii.gz"]
    problems = Problems()
    seen: list[tuple[int, int]] = []
    rows = [Row(index, path.name, path, "a", "P") for index, path in enumerate(paths)]
    found = read_images(rows, InputOptions(), problems, lambda *counts: seen.append(counts))
    assert len(found) == 3
    assert seen[-1] == (5, 5)
    assert str(broken) in problems.sentences[0]
    assert "pixels of 1 x 2 mm are not square" in problems.sentences[1]
    assert read_volume(paths[0]).grid.size == (24, 16, 1)
