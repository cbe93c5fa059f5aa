"""What a slice view draws while the panel is used with two patients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from drawn_views import DrawnViews, skip_without_drawing


@pytest.fixture
def views(application: Any) -> Iterator[DrawnViews]:
    """An axial view and a 3D view of the scene, drawn only when Slicer asks for it."""
    skip_without_drawing()
    made = DrawnViews(application)
    yield made
    made.close()


def test_the_view_follows_threshold_and_patient(views: DrawnViews, reviewing: Any, application: Any, node: Any) -> None:
    from CAMLocalizerLib.core import Grid, Volume
    from CAMLocalizerLib.mrml import volume_to_node

    ui = reviewing.ui
    ui.surfaceCheckBox.checked = False

    def reached(percent: float) -> int:
        ui.thresholdSlider.value = percent
        reviewing.controls.interactions.update_timer.fire()
        return int(np.ptp(np.nonzero(views.outlined())[1]))

    reviewing.workbench.jump_to_component(1)
    assert reached(20.0) > 1.5 * reached(60.0)
    assert reached(20.0) > 1.5 * reached(60.0)
    reviewing.controls.interactions.pause_timer.fire()
    ui.acceptButton.click()

    array = np.full((6, 30, 26), 10.0, np.float32)
    array[:, 5:25, 4:22] = np.random.default_rng(3).normal(200.0, 9.0, (6, 20, 18))
    other = Volume(array, Grid((26, 30, 6), (1.2, 1.2, 4.0), (500.0, -400.0, 900.0), np.eye(3)), name="other")
    ui.inputSelector.setCurrentNode(volume_to_node(application.scene, other))
    views.axial.render()
    picture = views.picture()
    bright = (picture.max(axis=2) > 60).mean()
    assert 0.2 < bright < 0.9  # all of the other patient, fitted
    assert not views.outlined().any()
    assert np.abs(picture - picture[..., :1]).max() < 40  # grey: no map, no segment

    ui.inputSelector.setCurrentNode(node)
    reviewing.workbench.jump_to_component(1)
    reviewing.parameter_node.outputSegmentation.GetDisplayNode().SetVisibility(False)  # it lies over the preview
    views.axial.render()
    assert views.outlined().any()
