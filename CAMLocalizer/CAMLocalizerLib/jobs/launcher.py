"""Start processes, directly or through another program such as PythonSlicer."""

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
    """A process that was started, such as a ``subprocess.Popen``.

    An attribute ``ends_children = True`` means that :meth:`kill` also ends the processes that it started.
    """

    def poll(self) -> int | None:
        """Return the return code, None while the process runs."""
        ...

    def kill(self) -> None:
        """End the process."""
        ...


class Launcher(Protocol):
    """Starts a command line and returns without waiting for it.

    The process may itself be a launcher, such as PythonSlicer; the process to kill is identified by the number that the
    worker writes. Output of the process before it redirects its output must be written to ``log``.

    Example:
        In Slicer 5.12, ``slicer.util.launchConsoleProcess`` returns the ``Popen`` of PythonSlicer also with
        ``blocking=False``. Slicer 5.10 lacks ``blocking``; the default launcher works there::

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
            environment: variables to set in addition to those of this process.
            folder: working directory.
            log: file to append the output to.

        Returns:
            The process; None if it cannot be monitored.

        Raises:
            OSError: the process cannot be started.
        """
        ...


class _Session:
    """A process that leads its own session, so that all its children can be ended with it."""

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
    """Start a process in its own session, without input or window; the default :class:`Launcher`.

    Args:
        command: program and arguments.
        environment: variables to set in addition to those of this process.
        folder: working directory.
        log: file to append the output to.

    Raises:
        OSError: the process cannot be started.
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
    """Return the command line that runs a module of this package on a job's folder.

    The program is PythonSlicer inside Slicer, otherwise the current Python interpreter.
    """
    return [_interpreter(), "-m", f"{__package__}.{module}", str(folder)]


def _interpreter() -> str:
    own = sys.executable or ""
    if "python" in Path(own).stem.lower():  # includes PythonSlicer, which recent versions of Slicer set
        return own
    return shutil.which("PythonSlicer") or own or "python3"


def child_environment() -> dict[str, str]:
    """Return the environment variables that a child needs.

    They contain the paths of the library and the models, and enable a traceback in the log on crashes. Thread counts
    are not changed.
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
    """Append a line of output to a log; does nothing if the job has ended and its folder is gone."""
    with suppress(OSError), log.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
