"""Slices and volumes judged against masks, with a localizer that finds what it is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from CAMLocalizerLib.evaluation.assessment import Assessment, assess_file
from CAMLocalizerLib.evaluation.labelled_files import check_files, read_labelled_files
from CAMLocalizerLib.evaluation.sources import Sources
from CAMLocalizerLib.io import read_volume, write_nifti
from CAMLocalizerLib.metrics import LesionCounts
from CAMLocalizerLib.models import ModelCard
from CAMLocalizerLib.training.checks import Problems
from CAMLocalizerLib.views import plane_axes

CARD = ModelCard(
    name="tiny",
    version="1",
    network="dcfpn",
    modality="MR",
    spacing_mm=1.5,
    size=(16, 16),
    normalisation="zscore",
    classes=("healthy", "glioma", "meningioma"),
    tumour_classes=("glioma", "meningioma"),
    scales=(1,),
)


class Teller:
    """A localizer that marks a block of 2 x 3 x 4 voxels and is surest of a glioma in slice 5."""

    model = SimpleNamespace(card=CARD)

    def run(self, volume, view="auto"):
        plane = "axial" if view == "auto" else view
        slices = len(plane_axes(volume.grid, plane).as_slices(volume.array_kji))
        found = np.zeros(volume.grid.shape_kji, dtype=np.uint8)
        found[4:6, 8:11, 6:10] = 1
        probabilities = np.tile(np.float32([0.8, 0.15, 0.05]), (slices, 1))
        probabilities[min(5, len(probabilities) - 1)] = 0.1, 0.7, 0.2
        return SimpleNamespace(
            view=plane,
            volume_probability=0.93,
            probabilities=probabilities,
            tumour_probabilities=probabilities[:, 1:].sum(axis=1),
            notes=("assumed",),
            label_map=lambda: SimpleNamespace(array_kji=found),
        )


@pytest.fixture
def folder(tmp_path, oblique_volume) -> Path:
    """A head, stored from above, whose slice 0 is blank, and the mask of a lesion in slices 4 to 6 of display."""
    array = oblique_volume.array_kji.copy()
    array[0] = 0
    write_nifti(array, oblique_volume.grid, tmp_path / "head.nii.gz")
    mask = np.zeros(array.shape, dtype=np.float32)
    mask[4:7, 8:11, 6:10] = 1
    write_nifti(mask, oblique_volume.grid, tmp_path / "lesion.nii.gz")
    write_nifti(0 * mask, oblique_volume.grid, tmp_path / "nothing.nii.gz")
    axes = plane_axes(read_volume(tmp_path / "head.nii.gz").grid, "axial")
    assert axes.signs[2] == 1
    return tmp_path


def judged(folder: Path, *lines: str, header: str = "file,label,patient,slice,mask") -> list[Assessment]:
    (folder / "table.csv").write_text("\n".join([header, *lines]))
    problems = Problems()
    files = read_labelled_files(Sources(folder / "table.csv"), CARD, problems)
    check_files(files, CARD, problems)
    problems.raise_if_any("table")
    found = []
    for file in files:
        each, notes = assess_file(file, Teller(), ("suv-4",))
        assert notes == ("assumed",)
        found += each
    return found


def problems_of(folder: Path, *lines: str) -> str:
    with pytest.raises(Exception, match="table") as caught:
        judged(folder, *lines)
    return str(caught.value)


def test_a_volume_with_a_mask_gives_itself_and_every_slice_that_is_not_blank(folder, oblique_grid) -> None:
    *slices, volume = judged(folder, "head.nii.gz,glioma,A,,lesion.nii.gz")
    assert [each.index for each in slices] == list(range(1, 9))
    assert [each.index for each in slices if each.tumour] == [4, 5, 6]
    assert [each.agreement["model"].iou for each in slices] == [1, 1, 1, 1, 1, 0, 1, 1]
    assert [each.label for each in slices] == ["none"] * 3 + ["glioma"] * 3 + ["none"] * 2
    assert [each.right for each in slices] == [True] * 3 + [False, True, False] + [True] * 2
    assert (volume.kind, volume.name, volume.tumour, volume.right) == ("volume", "head.nii.gz", True, True)
    found = volume.agreement["model"]
    assert found.dice == pytest.approx(2 * 24 / (24 + 36))
    assert found.found_ml == pytest.approx(24 * oblique_grid.voxel_volume_mm3 / 1000)
    assert found.true_ml == pytest.approx(1.5 * found.found_ml)
    assert found.counts == LesionCounts(1, 1, 1, 0)
    assert slices[4].probability == pytest.approx(0.9)
    assert (volume.probability, volume.found_class) == (0.93, "glioma")
    assert set(volume.agreement) == {"model", "suv-4"}


def test_a_volume_without_a_tumour_needs_no_mask(folder) -> None:
    *slices, volume = judged(folder, "head.nii.gz,healthy,A,,")
    assert not any(each.tumour for each in slices)
    assert sum(each.agreement["model"].found_ml > 0 for each in slices) == 2
    assert volume.agreement["model"].counts == LesionCounts(0, 0, 1, 1)
    assert volume.right is False
    assert [each.right for each in judged(folder, "head.nii.gz,none,A,,")] == [each.right for each in [*slices, volume]]


def test_without_a_mask_a_tumour_counts_for_its_presence_alone(folder) -> None:
    (volume,) = judged(folder, "head.nii.gz,tumour,A,,")
    assert (volume.tumour, volume.right, volume.agreement) == (True, None, {})
    (empty,) = [each for each in judged(folder, "head.nii.gz,glioma,A,,nothing.nii.gz") if each.kind == "volume"]
    assert (empty.tumour, empty.agreement) == (True, {})


def test_slices_may_be_labelled_one_by_one(folder) -> None:
    lines = ["head.nii.gz,healthy,A,2,lesion.nii.gz", "head.nii.gz,meningioma,A,5,lesion.nii.gz"]
    healthy, sick, volume = judged(folder, *lines)
    assert (healthy.name, healthy.tumour, healthy.right) == ("head.nii.gz:2", False, True)
    assert (sick.name, sick.tumour, sick.right, sick.found_class) == ("head.nii.gz:5", True, False, "glioma")
    assert (volume.kind, volume.label, volume.agreement["model"].counts.touched) == ("volume", "meningioma", 1)
    unmasked = judged(folder, "head.nii.gz,healthy,A,2,", "head.nii.gz,meningioma,A,5,")
    assert [(each.kind, bool(each.agreement)) for each in unmasked] == [("slice", True), ("slice", False)]


def test_site_and_plane_come_from_the_table_and_else_from_the_file(folder) -> None:
    header = "file,label,patient,site,plane"
    (*_, volume) = judged(folder, "head.nii.gz,healthy,A,north,", header=header)
    assert (volume.file.site, volume.plane) == ("north", "axial")
    (*_, volume) = judged(folder, "head.nii.gz,healthy,A,,Coronal", header=header)
    assert (volume.file.site, volume.plane) == ("", "coronal")


def test_a_line_is_judged_in_the_plane_that_it_names_and_a_volume_once(folder) -> None:
    header = "file,label,patient,slice,mask,view"
    lines = [f"head.nii.gz,glioma,A,{index},lesion.nii.gz,{view}" for index, view in ((5, "axial"), (9, "coronal"))]

    axial, volume, coronal = judged(folder, *lines, header=header)

    assert [each.name for each in (axial, volume, coronal)] == [
        "head.nii.gz:axial:5",
        "head.nii.gz",
        "head.nii.gz:coronal:9",
    ]
    assert [each.plane for each in (axial, volume, coronal)] == ["axial", "axial", "coronal"]
    mask = read_volume(folder / "lesion.nii.gz")
    grid = mask.grid
    for each in (axial, coronal):
        truth = plane_axes(grid, each.plane).as_slices(mask.array_kji)[each.index]
        assert each.agreement["model"].true_ml == pytest.approx(np.count_nonzero(truth) * grid.voxel_volume_mm3 / 1000)


def test_contradictions_are_found_before_the_model_runs(folder) -> None:
    text = problems_of(folder, "head.nii.gz,healthy,A,5,lesion.nii.gz", "head.nii.gz,glioma,B,77,lesion.nii.gz")
    assert "labelled 'healthy', which is not a tumour, but its mask marks 12 voxels" in text
    assert "slice 77 does not exist; there are 9, counted from 0" in text
    assert "belongs to several patients" in text
    assert "slice 0 is blank; leave it out" in problems_of(folder, "head.nii.gz,glioma,A,0,lesion.nii.gz")
    assert "label 'gliome' is not a class of tiny; did you mean 'glioma'?" in problems_of(
        folder, "head.nii.gz,gliome,A,,"
    )


def test_models_of_projections_take_no_slices(folder) -> None:
    (folder / "table.csv").write_text("file,label,patient,slice\nhead.nii.gz,glioma,A,3")
    card, problems = replace(CARD, projections=True, views=("coronal", "sagittal")), Problems()
    check_files(read_labelled_files(Sources(folder / "table.csv"), card, problems), card, problems)
    assert "labelled as a whole, not by slice" in problems.sentences[0]
