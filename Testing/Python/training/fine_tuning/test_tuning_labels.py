"""Labels of a worklist by the class names of the model that is fine-tuned, and the slices they are learnt from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from CAMLocalizerLib.models import ModelCard
from CAMLocalizerLib.training.checks import Problems
from CAMLocalizerLib.training.dataset import Prepared
from CAMLocalizerLib.training.fine_tuning.labels import mapped_rows
from CAMLocalizerLib.training.fine_tuning.volume_labels import chosen_slices
from CAMLocalizerLib.training.table import Row

CARD = ModelCard(
    name="parent",
    version="1",
    network="dcfpn",
    modality="MR",
    spacing_mm=1.0,
    size=(16, 16),
    normalisation="none",
    classes=("no tumour", "glioma", "meningioma"),
    tumour_classes=("glioma", "meningioma"),
    scales=(1,),
    target="any",
)


def rows_of(*labels: str) -> list[Row]:
    return [Row(number, f"{number}.png", Path(f"{number}.png"), label, "P") for number, label in enumerate(labels, 2)]


def mapped(card: ModelCard, *labels: str) -> tuple[list[str], list[str]]:
    rows = mapped_rows(rows_of(*labels), card, Path("labels.csv"), problems := Problems())
    return [row.label for row in rows], problems.sentences


def test_classes_keep_their_names_and_none_is_the_class_without_tumour() -> None:
    assert mapped(CARD, "glioma", "none", "no tumour", "tumour") == (["glioma", "no tumour", "no tumour", "tumour"], [])


def test_a_tumour_of_unknown_type_is_the_only_tumour_class_where_there_is_one() -> None:
    card = replace(CARD, classes=("healthy", "glioma"), tumour_classes=("glioma",))
    assert mapped(card, "none", "no tumour", "tumour") == (["healthy", "healthy", "glioma"], [])


@pytest.mark.parametrize(
    ("card", "label", "sentence"),
    [
        (CARD, "gliomas", "'gliomas' is not a class of parent; did you mean 'glioma'?; rename it"),
        (replace(CARD, classes=("glioma", "meningioma"), target="class"), "tumour", "all its classes are tumours"),
        (
            replace(CARD, classes=("healthy", "other", "glioma", "meningioma")),
            "none",
            "needs one class without a tumour, and parent has 2",
        ),
    ],
)
def test_labels_that_no_class_stands_for_are_told(card, label, sentence) -> None:
    _, sentences = mapped(card, "glioma", label)
    assert len(sentences) == 1
    assert sentence in sentences[0]


def test_labels_that_all_mean_the_same_class_are_refused() -> None:
    _, sentences = mapped(CARD, "none", "no tumour")
    assert sentences == ["labels.csv: all labels mean 'no tumour'; a classifier needs images of two classes at least"]


class ByMean(nn.Module):
    """Finds a glioma in images whose mean is above a half."""

    def forward(self, images: Tensor) -> Tensor:
        means = images.mean((1, 2, 3))
        return torch.stack([torch.zeros_like(means), 20 * (means - 0.5), torch.full_like(means, -9.0)], dim=1)


def volume_of(label: str, means: list[float], *, slices: bool = False) -> Prepared:
    images = np.array(means, dtype=np.float32)[:, None, None] * np.ones((1, 4, 4), np.float32)
    row = Row(2, "v.nii.gz", Path("v.nii.gz"), label, "P")
    rows = tuple(replace(row, slice=index) if slices else row for index in range(len(means)))
    names = tuple(f"v:{index}" for index in range(len(means)))
    return Prepared(images, rows, np.full((len(means), 2), np.nan, np.float32), names, ("axial",), 1.0)


def test_of_a_volume_with_a_tumour_the_slices_that_show_it_are_learnt() -> None:
    chosen = chosen_slices(volume_of("glioma", [0.1, 0.7, 0.9, 0.2, 0.8]), ByMean(), CARD, 16)
    assert chosen.names == ("v:1", "v:2", "v:4")
    assert chosen_slices(volume_of("glioma", [0.1, 0.7, 0.9, 0.2, 0.8]), ByMean(), CARD, 2).names == ("v:2", "v:4")


def test_a_tumour_that_the_model_finds_nowhere_is_learnt_from_its_most_probable_slice() -> None:
    assert chosen_slices(volume_of("tumour", [0.1, 0.3, 0.2]), ByMean(), CARD, 16).names == ("v:1",)


def test_of_a_volume_without_tumour_slices_at_even_distances_are_learnt() -> None:
    chosen = chosen_slices(volume_of("no tumour", [0.9] * 11), ByMean(), CARD, 3)
    assert chosen.names == ("v:0", "v:5", "v:10")


def test_slices_with_labels_of_their_own_are_all_learnt() -> None:
    prepared = volume_of("glioma", [0.1, 0.2, 0.3], slices=True)
    assert chosen_slices(prepared, ByMean(), CARD, 1) is prepared
