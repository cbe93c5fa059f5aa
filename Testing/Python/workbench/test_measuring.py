"""Radiomics of segments in the scene, and the files of what a script found."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_stand_ins import DONE, RUNNING, Bench, ReadyJob

from CAMLocalizerLib.core import InputError, LabelMap
from CAMLocalizerLib.measure import radiomics


@pytest.fixture
def node(bench: Bench, oblique_volume: Any) -> Any:
    from CAMLocalizerLib.mrml import volume_to_node

    return volume_to_node(bench.scene, oblique_volume)


def segmentation(scene: Any, volume: Any, *masks: np.ndarray) -> Any:
    from CAMLocalizerLib.mrml import add_segment

    made = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "drawn")
    for mask in masks:
        add_segment(made, LabelMap(mask.astype(np.uint8), volume.grid), name="Mass")
    return made


def test_overlapping_segments_each_get_a_row(bench: Bench, node: Any, oblique_volume: Any) -> None:
    from CAMLocalizerLib.workbench.scripting import radiomics_to_table

    large, small = (np.zeros(oblique_volume.grid.shape_kji, bool) for _ in range(2))
    large[2:6, 4:12, 3:10] = small[3:5, 5:9, 4:8] = True
    table = radiomics_to_table(node, segmentation(bench.scene, oblique_volume, large, small)).GetTable()
    assert table.GetNumberOfRows() == 2
    expected = radiomics(oblique_volume, {"a": large, "b": small}).rows
    measured = [name for name, value in expected[0].items() if isinstance(value, float)]
    assert len(measured) > 10
    for name in measured:
        column = table.GetColumnByName(name)
        assert [column.GetValue(row) for row in (0, 1)] == pytest.approx([row[name] for row in expected])


def test_segments_without_voxels_are_told(bench: Bench, node: Any, oblique_volume: Any) -> None:
    from CAMLocalizerLib.workbench.scripting import radiomics_to_table

    empty = segmentation(bench.scene, oblique_volume, np.zeros(oblique_volume.grid.shape_kji, bool))
    with pytest.raises(InputError, match="drawn has no segment with voxels in oblique"):
        radiomics_to_table(node, empty)


def test_what_a_script_found_is_written_as_files(bench: Bench, node: Any, card: Any, tmp_path: Path) -> None:
    from CAMLocalizerLib.io import read_label_map
    from CAMLocalizerLib.workbench.scripting import process

    def new_job(volume: Any, request: Any, *, launcher: Any) -> ReadyJob:
        return ReadyJob(card, (*RUNNING, DONE), volume)

    result = partial(process, bench.scene, node, model="tiny", new_job=new_job)()
    folder = result.export(tmp_path, exports=("html",))
    np.testing.assert_array_equal(read_label_map(folder / "labelmap.nii.gz").array_kji, result.label_map.array_kji)
    assert (folder / "report.html").is_file()
