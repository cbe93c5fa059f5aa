"""The module as the desktop would import it, on the Qt-free Slicer core."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def application() -> Iterator[Any]:
    """A headless application whose scene is the global one, as on the desktop."""
    pytest.importorskip("slicer", reason="the slicer-core wheel is not installed")
    from CAMLocalizerLib.mrml import HeadlessApplication

    with HeadlessApplication(publish=True) as made:
        yield made


@pytest.fixture
def module(application: Any, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The unchanged CAMLocalizer.py among stand-ins for what needs Qt."""
    import stand_ins

    stand_ins.register(monkeypatch)
    return stand_ins.import_module_file(monkeypatch)


@pytest.fixture
def node(application: Any) -> Any:
    """A blob in noise, in a scene."""
    from CAMLocalizerLib.core import Grid, Volume
    from CAMLocalizerLib.mrml import volume_to_node

    array = np.random.default_rng(2).normal(50.0, 5.0, (5, 20, 24)).astype(np.float32)
    array[1:4, 5:12, 6:15] += 100.0
    grid = Grid((24, 20, 5), (2.0, 2.5, 6.0), (-20.0, 15.0, 40.0), np.diag([-1.0, -1.0, 1.0]))
    return volume_to_node(application.scene, Volume(array, grid, name="blob"))


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Jobs that end at once, with two spots."""
    import panel_job

    from CAMLocalizerLib.jobs import JobProgress

    states = [JobProgress("running", 2, 5, 4.0, "2 of 5 slices"), JobProgress("done", 5, 5)]
    monkeypatch.setattr(panel_job.SpotsJob, "states", states)
    return panel_job.SpotsJob


@pytest.fixture
def widget(module: ModuleType, node: Any, job: Any) -> Iterator[Any]:
    """The panel, open, with the volume chosen."""
    made = module.CAMLocalizerWidget()
    made.setup()
    made.panel.workbench.new_job = job
    yield made.panel
    made.cleanup()


@pytest.fixture
def reviewing(widget: Any) -> Any:
    """The panel after a run."""
    widget.ui.runButton.click()
    widget.controls.run.poll_timer.fire()
    widget.controls.run.poll_timer.fire()
    return widget
