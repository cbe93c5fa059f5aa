"""Program, arguments and environment of a child process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from job_helpers import until

from CAMLocalizerLib.jobs import append_line, python_command, start_process
from CAMLocalizerLib.jobs.launcher import child_environment


def test_a_child_runs_in_the_python_of_this_process() -> None:
    command = python_command("worker", Path("folder"))
    assert command == [sys.executable, "-m", "CAMLocalizerLib.jobs.worker", "folder"]


def test_a_child_runs_in_pythonslicer_inside_slicer(tmp_path, monkeypatch) -> None:
    program = tmp_path / "PythonSlicer"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/opt/Slicer/bin/SlicerApp-real")
    assert python_command("worker", tmp_path)[0] == str(program)
    monkeypatch.setattr(sys, "executable", "/opt/Slicer/bin/PythonSlicer")
    assert python_command("worker", tmp_path)[0] == "/opt/Slicer/bin/PythonSlicer"


def test_a_child_finds_the_library_and_the_models_of_this_process(bundle, monkeypatch) -> None:
    monkeypatch.setenv("CAMLOCALIZER_MODELS", os.path.relpath(bundle.folder.parent))
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    environment = child_environment()
    library, *others = environment["PYTHONPATH"].split(os.pathsep)
    assert (Path(library) / "CAMLocalizerLib" / "jobs" / "worker.py").is_file()
    assert others == ["elsewhere"]
    assert environment["CAMLOCALIZER_MODELS"].split(os.pathsep)[0] == str(bundle.folder.parent.resolve())


def test_a_child_keeps_the_number_of_threads() -> None:
    assert not any("THREADS" in name for name in child_environment())


def test_a_process_gets_its_variables_folder_and_log_but_no_input(tmp_path) -> None:
    code = "import os, sys; print(os.environ['SAID'], os.getcwd(), sys.stdin.read() == '', os.getsid(0) == os.getpid())"
    log = tmp_path / "log.txt"
    append_line(log, "before")
    process = start_process([sys.executable, "-c", code], environment={"SAID": "so"}, folder=tmp_path, log=log)
    until(lambda: process.poll() is not None, "it never ended")
    assert log.read_text().splitlines() == ["before", f"so {tmp_path} True True"]


def test_a_line_for_a_missing_log_is_dropped(tmp_path) -> None:
    append_line(tmp_path / "gone" / "worker.log", "too late")
    assert list(tmp_path.iterdir()) == []
