"""How a process is started: by ourselves, or by a program that knows better."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

LIBRARY_FOLDER = Path(__file__).resolve().parents[2]


class Launched(Protocol):
    """A process that was started; a ``subprocess.Popen`` is one.

    An attribute ``ends_children = True`` promises that :meth:`kill` also ends what the process started.
    """

    def poll(self) -> int | None:
        """Return its return code, None while it runs."""
        ...

    def kill(self) -> None:
        """End it."""
        ...


class Launcher(Protocol):
    """Starts a command line and returns without waiting for it.

    The process may be a launcher of its own, such as PythonSlicer: whom to kill is known from the number that the
    worker writes itself. What comes from the process before it redirects its output belongs into ``log``.

    Example:
        In Slicer 5.12, ``slicer.util.launchConsoleProcess`` returns the ``Popen`` of PythonSlicer also with
        ``blocking=False``; Slicer 5.10 lacks ``blocking``, there the default serves as well::

            def launchInSlicer(command, *, environment, folder, log):
                return slicer.util.launchConsoleProcess(
                    list(command),
                    useStartupEnvironment=False,  # PythonSlicer takes Slicer's own, as for slicer.util.pip_install
                    updateEnvironment=dict(environment),
                    cwd=str(folder),
                    blocking=False,
                    logCallback=lambda line: append_line(log, line),
                    completedCallback=lambda returnCode: None,  # or Slicer logs every cancel as an error
                )
    """

    def __call__(
        self, command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path
    ) -> Launched | None:
        """Start a process.

        Args:
            command: program and arguments.
            environment: variables to set beside those of this process.
            folder: working directory.
            log: file to append the output to.

        Returns:
            The process; None if it cannot be followed.

        Raises:
            OSError: it cannot be started.
        """
        ...


class _Session:
    """A process that leads a session of its own, so that all it starts can be ended with it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.ends_children = os.name == "posix"

    def poll(self) -> int | None:
        return self._process.poll()

    def kill(self) -> None:
        if sys.platform != "win32" and self._process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()


def start_process(
    command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path
) -> Launched | None:
    """Start a process in a session of its own, without input or window; the default :class:`Launcher`.

    Args:
        command: program and arguments.
        environment: variables to set beside those of this process.
        folder: working directory.
        log: file to append the output to.

    Raises:
        OSError: it cannot be started.
    """
    with log.open("ab") as output:
        return _Session(
            subprocess.Popen(
                command,
                env={**os.environ, **environment},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=os.name == "posix",
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        )


def python_command(module: str, folder: Path) -> list[str]:
    """Return the command line that runs a module of this library on a job's folder.

    Inside Slicer the program is PythonSlicer, elsewhere the Python that runs this.
    """
    return [_interpreter(), "-m", f"{__package__}.{module}", str(folder)]


def _interpreter() -> str:
    own = sys.executable or ""
    if "python" in Path(own).stem.lower():  # PythonSlicer too, which recent versions of Slicer set
        return own
    return shutil.which("PythonSlicer") or own or "python3"


def child_environment() -> dict[str, str]:
    """Return the variables that a child needs.

    They say where the library and the models are, and that a crash is to leave its place in the log. Thread counts stay
    as they are.
    """
    from ..models import MODELS_VARIABLE, model_folders

    paths = [str(LIBRARY_FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])]
    models = os.pathsep.join(str(path) for path in model_folders())
    return {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONIOENCODING": "utf-8",
        "PYTHONFAULTHANDLER": "1",
        MODELS_VARIABLE: models,
    }


def append_line(log: Path, line: str) -> None:
    """Add a line of output to a log; nothing happens when the job is over and its folder gone."""
    with suppress(OSError), log.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
