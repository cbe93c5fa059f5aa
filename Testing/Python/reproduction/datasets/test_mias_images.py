"""The MIAS regions, on a drawn folder in their layout."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from tiny_mias import png, write_mias

from CAMLocalizerLib.core import InputError
from reproduction.datasets.mias.images import read_mias


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_mias(tmp_path_factory.mktemp("data") / "mias_rois")


def test_labels_truth_and_patients_belong_together(folder):
    rois = read_mias(folder, size=32, folds=3)
    assert rois.grey.shape == (24, 32, 32)
    assert rois.classes == ("normal", "tumour")
    np.testing.assert_array_equal(rois.labels, rois.truth.any(axis=(1, 2)))
    assert rois.labels.sum() == 8
    assert set(rois.folds.tolist()) == {1, 2, 3}
    for pair in set(rois.patients.tolist()):
        assert len(set(rois.folds[rois.patients == pair].tolist())) == 1


def test_image_and_circle_are_cut_alike(folder):
    rois = read_mias(folder, size=52, folds=3)
    for grey, truth in zip(rois.grey, rois.truth, strict=True):
        if truth.any():
            assert grey[truth].mean() - grey[~truth].mean() > 0.2


def test_another_seed_cuts_other_windows(folder):
    first, same, other = (read_mias(folder, size=32, folds=3, seed=seed).grey for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).mean() > 0.01


def test_the_smallest_circle_is_not_lost(tmp_path):
    folder = write_mias(tmp_path / "mias", pairs=6)
    tiny = np.zeros((256, 256), dtype=bool)
    tiny[120:122, 130:132] = True
    _replace(folder / "circle_masks_256.zip", "mdb001_0.png", tiny)
    truth = read_mias(folder, size=16, folds=2).truth
    assert truth[0].sum() == 1


def test_a_circle_without_an_abnormality_is_refused(tmp_path):
    folder = write_mias(tmp_path / "mias", pairs=6)
    _replace(folder / "circle_masks_256.zip", "mdb002_0.png", np.ones((256, 256), dtype=bool))
    with pytest.raises(InputError, match="circle and label of mdb002_0 do not agree"):
        read_mias(folder, size=16, folds=2)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match=r"rois\.csv is missing"):
        read_mias(tmp_path, size=16)


def _replace(archive: Path, name: str, pixels: np.ndarray) -> None:
    with zipfile.ZipFile(archive) as file:
        content = {each: file.read(each) for each in file.namelist()}
    with zipfile.ZipFile(archive, "w") as file:
        for each, data in (content | {name: png(pixels)}).items():
            file.writestr(each, data)
