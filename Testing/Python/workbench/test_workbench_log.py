"""Slicer's log stays empty while a volume is reviewed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_stand_ins import Bench, draw, run_to_end

from CAMLocalizerLib.core import Grid, Volume

PREVIEW = "CAMLocalizerPreview"


@pytest.fixture
def told(scene: Any) -> Iterator[list[str]]:
    """What VTK and Slicer tell as warnings and errors, which the desktop writes into its log."""
    assert scene is not None
    from vtkmodules.vtkCommonCore import vtkOutputWindow

    messages: list[str] = []

    def tell(_window: Any, event: str, text: str) -> None:
        messages.append(f"{event}: {text}")

    tell.CallDataType = "string0"  # type: ignore[attr-defined]
    window = vtkOutputWindow.GetInstance()
    tags = [window.AddObserver(event, tell) for event in ("WarningEvent", "ErrorEvent")]
    yield messages
    for tag in tags:
        window.RemoveObserver(tag)


def test_messages_of_slicer_are_heard(told: list[str]) -> None:
    from vtkmodules.vtkImagingCore import vtkImageReslice

    vtkImageReslice().Update()  # without an input
    assert len(told) == 1


def test_a_review_from_run_to_close_tells_nothing(
    bench: Bench, told: list[str], found: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from CAMLocalizerLib.mrml import load_scene, save_scene, volume_to_node

    scene, bench.answer = bench.scene, True
    view = scene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
    view.SetLayoutName("Red")
    view.SetOrientation("Axial")
    scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode", "Red")
    node = volume_to_node(scene, found.volume)
    array = np.random.default_rng(1).normal(80, 9, (6, 14, 12)).astype(np.float32)
    other = volume_to_node(scene, Volume(array, Grid((12, 14, 6), (2.0, 2.0, 5.0), (90.0, 0.0, 0.0), np.eye(3)), "o"))
    workbench = bench.workbench()
    workbench.choose_volume(node)
    run_to_end(workbench)
    workbench.on_pause()
    review = workbench.review
    for step in (
        lambda: review.set_threshold("0.3", preview=True),
        review.commit,
        lambda: review.set_scales((1,)),
        review.accept,
        review.undo,
        review.redo,
        lambda: workbench.jump_to_component(1),
        lambda: draw(workbench.preview_node, PREVIEW, (8, 20, 18)),
        review.accept,
        lambda: workbench.choose_volume(other),
        lambda: run_to_end(workbench),
        lambda: workbench.choose_volume(node),
        lambda: run_to_end(workbench),
        lambda: scene.RemoveNode(workbench.preview_node),
        lambda: workbench.review.set_threshold("0.25"),
        lambda: scene.RemoveNode(other),
    ):
        step()
        workbench.on_pause()
    path = save_scene(scene, tmp_path / "kept.mrb")
    load_scene(scene, path)
    assert workbench.restore()
    workbench.on_pause()
    scene.Clear(0)
    workbench.close()
    assert told == []
    assert [record.message for record in caplog.records] == []
