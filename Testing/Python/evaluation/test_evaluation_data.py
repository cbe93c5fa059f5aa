"""Images and masks of a table as a model sees them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from CAMLocalizerLib.core import Grid, InputError, SettingsError, Volume
from CAMLocalizerLib.evaluation.data import read_evaluation_data
from CAMLocalizerLib.evaluation.sources import Sources
from CAMLocalizerLib.io import write_nifti
from CAMLocalizerLib.models import ModelCard
from CAMLocalizerLib.views import SliceStack, normalise_slices

CARD = ModelCard(
    name="tiny",
    version="1",
    network="dcfpn",
    modality="MR",
    spacing_mm=1.5,
    size=(16, 16),
    normalisation="zscore",
    classes=("healthy", "tumour"),
    tumour_classes=("tumour",),
    scales=(1,),
    views=("axial",),
)


@pytest.fixture
def sources(tmp_path, oblique_volume) -> Sources:
    """Slices 1 and 6 of an oblique volume of nine, the second with a bright block that is its mask."""
    array = oblique_volume.array_kji.copy()
    mask = np.zeros(array.shape, dtype=np.float32)
    mask[5:8, 8:16, 6:13] = 1
    array += 400 * mask
    write_nifti(array, oblique_volume.grid, tmp_path / "head.nii.gz")
    write_nifti(mask, oblique_volume.grid, tmp_path / "block.nii.gz")
    lines = ["file,label,patient,slice,mask", "head.nii.gz,healthy,A,1,block.nii.gz", "head.nii.gz,tumour,A,6,"]
    (tmp_path / "table.csv").write_text("\n".join(lines))
    return Sources(tmp_path / "table.csv")


def test_masks_are_resampled_as_their_slices(sources):
    data = read_evaluation_data(sources, CARD, folds=None)
    healthy, sick = data.rois.truth
    assert not healthy.any()
    grey = data.rois.grey[1]
    assert sick.sum() == pytest.approx(8 * 0.9 * 7 * 1.1 / 1.5**2, rel=0.35)
    assert grey[sick].min() > grey[~sick].mean() + 0.2
    assert data.rois.names.tolist() == ["head.nii.gz:1", "head.nii.gz:6"]


def test_masks_follow_slices_that_are_centred_on_content(tmp_path):
    grid = Grid((60, 50, 3), (1.0, 1.0, 5.0), (0, 0, 0), np.eye(3))
    array = np.zeros(grid.shape_kji, dtype=np.float32)
    array[:, 28:44, 40:56] = np.random.default_rng(0).uniform(50, 60, (3, 16, 16))
    array[1, 30:36, 42:50] = 100.0
    write_nifti(array, grid, tmp_path / "head.nii.gz")
    write_nifti((array == 100).astype(np.float32), grid, tmp_path / "block.nii.gz")
    (tmp_path / "table.csv").write_text("file,label,patient,slice,mask\nhead.nii.gz,tumour,A,1,block.nii.gz")
    card = replace(CARD, spacing_mm=1.0, centre="content")
    rois = read_evaluation_data(Sources(tmp_path / "table.csv"), card, folds=None).rois
    expected = np.zeros((16, 16), dtype=bool)
    expected[2:8, 2:10] = True
    np.testing.assert_array_equal(rois.truth[0], expected)
    np.testing.assert_array_equal(rois.grey[0] == 1, expected)


def test_images_are_those_of_the_main_job(sources, tmp_path, oblique_volume):
    from CAMLocalizerLib.io import read_volume

    data = read_evaluation_data(sources, CARD, folds=None)
    volume = read_volume(tmp_path / "head.nii.gz")
    stack = SliceStack(volume, "axial", spacing_mm=1.5, size=(16, 16))
    expected = normalise_slices(stack.batch(0, len(stack))[[1, 6]], "zscore")
    np.testing.assert_allclose(data.images[:, 0], expected, rtol=1e-5)
    assert data.rois.grey.min(axis=(1, 2)).tolist() == [0, 0]
    assert data.rois.grey.max(axis=(1, 2)).tolist() == [1, 1]
    np.testing.assert_allclose(data.rois.grey * 255, np.rint(data.rois.grey * 255), atol=1e-4)


def test_not_every_class_of_the_model_is_needed(sources):
    card = replace(CARD, classes=("other", "healthy", "tumour"))
    assert read_evaluation_data(sources, card, folds=None).rois.labels.tolist() == [1, 2]


def test_folds_of_the_table_are_kept(sources):
    text = sources.table.read_text().splitlines()
    rows = [line + end for line, end in zip(text, (",fold", ",2", ",2"), strict=True)]
    sources.table.write_text("\n".join(rows))
    with pytest.raises(InputError, match="has one fold only"):
        read_evaluation_data(sources, CARD, folds=5)
    sources.table.write_text("\n".join([rows[0], rows[1][:-1] + "1", rows[2].replace(",A,", ",B,")]))
    assert read_evaluation_data(sources, CARD, folds=5).rois.folds.tolist() == [1, 2]


def test_a_mask_of_one_value_is_taken_as_it_is(sources, tmp_path, oblique_volume):
    zeros = np.zeros(oblique_volume.array_kji.shape, dtype=np.float32)
    write_nifti(zeros, oblique_volume.grid, tmp_path / "block.nii.gz")
    with pytest.raises(InputError, match="none of the masks has a pixel"):
        read_evaluation_data(sources, CARD, folds=None)
    write_nifti(zeros + 1, oblique_volume.grid, tmp_path / "block.nii.gz")
    assert read_evaluation_data(sources, CARD, folds=None).rois.truth.all()


def test_a_mask_on_another_grid_is_refused(sources, tmp_path, oblique_volume):
    grid = oblique_volume.grid
    moved = replace(grid, origin_mm=(0.0, 0.0, 0.0))
    other = Volume(np.indices(grid.shape_kji)[0].astype(np.float32), moved)
    write_nifti(other.array_kji, moved, tmp_path / "block.nii.gz")
    with pytest.raises(InputError, match="the mask lies on another grid"):
        read_evaluation_data(sources, CARD, folds=None)


def test_columns_may_have_other_names(sources):
    text = sources.table.read_text()
    expected = read_evaluation_data(sources, CARD, folds=None).rois
    sources.table.write_text(text.replace("file,label,patient,slice,mask", "file,label,subject,slice,outline"))
    named = replace(sources, columns={"patient": "subject", "mask": "outline"})
    found = read_evaluation_data(named, CARD, folds=None).rois
    assert found.patients.tolist() == expected.patients.tolist()
    np.testing.assert_array_equal(found.truth, expected.truth)
    with pytest.raises(InputError, match="has no column 'contour'"):
        read_evaluation_data(replace(named, columns={**named.columns, "mask": "contour"}), CARD, folds=None)
    with pytest.raises(SettingsError, match="unknown column 'masks'; did you mean 'mask'"):
        Sources(sources.table, columns={"masks": "outline"})


def test_two_masks_of_one_image_are_refused(sources):
    sources.table.write_text(sources.table.read_text() + "other.nii.gz")
    with pytest.raises(InputError, match=r"other\.nii\.gz does not exist"):
        read_evaluation_data(sources, CARD, folds=None)


def test_a_folder_without_masks_is_named(sources, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="has no mask named like an image"):
        read_evaluation_data(Sources(sources.table, masks=Path(tmp_path / "empty")), CARD, folds=None)


def test_one_class_is_enough_to_be_measured_but_not_to_be_learnt_from(sources):
    sources.table.write_text(sources.table.read_text().replace("healthy", "tumour"))
    assert read_evaluation_data(sources, CARD, folds=None).rois.labels.tolist() == [1, 1]
    with pytest.raises(InputError, match="needs images of two classes at least"):
        read_evaluation_data(sources, CARD, folds=2)
