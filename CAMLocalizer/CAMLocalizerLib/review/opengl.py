"""Whether this machine can draw: asked in another process, since VTK ends its own where OpenGL is missing."""

from __future__ import annotations

import subprocess
import sys
from types import TracebackType

WAIT_S = 60
MISSING = (
    "the pictures of the review need OpenGL, which is missing here; on Debian and Ubuntu install Mesa with "
    "'apt install libgl1 libegl1 libegl-mesa0 libgl1-mesa-dri'"
)
DRAW = """
import vtkmodules.vtkRenderingOpenGL2
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow
window = vtkRenderWindow()
window.SetOffScreenRendering(1)
window.AddRenderer(vtkRenderer())
window.Render()
raise SystemExit(0 if window.SupportsOpenGL() else 1)
"""


class OpenGLProbe:
    """Draws an empty picture in another process, started at once, so that the result is ready when it is needed.

    Example:
        >>> with OpenGLProbe() as probe:
        ...     sentence = probe.problem()
    """

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-c", DRAW],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def problem(self) -> str:
        """Return why nothing can be drawn and how to get it; empty if all is well."""
        try:
            return "" if self._child.wait(WAIT_S) == 0 else MISSING
        except subprocess.TimeoutExpired:
            return MISSING

    def __enter__(self) -> OpenGLProbe:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
