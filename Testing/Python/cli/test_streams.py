"""Commands do their work and end truly where standard streams are closed, missing, unread or full."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import CAMLocalizerLib
from CAMLocalizerLib.cli import main
from CAMLocalizerLib.cli.streams import LenientStream, lenient_streams

posix = pytest.mark.skipif(os.name == "nt", reason="a shell and its devices are needed")


def run_in_shell(redirection, *arguments, folder):
    environment = os.environ | {"PYTHONPATH": str(Path(CAMLocalizerLib.__file__).parents[1])}
    command = [sys.executable, "-m", "CAMLocalizerLib", *map(str, arguments)]
    shell = ["sh", "-c", f'"$@" {redirection}', "sh", *command]
    return subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@posix
@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full", ">/dev/full 2>&1"])
def test_the_work_is_done_and_the_exit_code_true(models, brain, tmp_path, redirection):
    case = ("localize", brain, "--output", tmp_path / "out", "--model", "tiny", "--device", "cpu")
    done = run_in_shell(redirection, *case, folder=tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "out" / "brain" / "report.json").exists()
    assert run_in_shell(redirection, *case, folder=tmp_path).returncode == 1  # it already exists


@posix
def test_what_is_unread_does_not_stop_the_work(models, brain, tmp_path):
    other = brain.with_name("other.nii.gz")
    other.write_bytes(brain.read_bytes())
    case = ("localize", brain, other, "--output", tmp_path / "out", "--model", "tiny", "--device", "cpu")
    assert run_in_shell("| true", *case, folder=tmp_path).stderr == ""
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["brain", "other"]


def test_missing_streams_are_no_obstacle(brain, monkeypatch):
    """Pythonw and services have none."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["info", str(brain)]) == 0
    assert main(["info", str(brain) + ".none"]) == 1


def test_letters_that_a_terminal_lacks_are_written_as_codes(tmp_path, monkeypatch):
    with (tmp_path / "out.txt").open("w", encoding="ascii") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with lenient_streams():
            print("Müller \udcfc")
    assert (tmp_path / "out.txt").read_text() == "M\\xfcller \\udcfc\n"


def test_a_closed_stream_falls_silent(tmp_path):
    with (tmp_path / "out.txt").open("w") as stream:
        quiet = LenientStream(stream)
        quiet.write("before")
    quiet.write("after")
    quiet.flush()
    assert (tmp_path / "out.txt").read_text() == "before"
    assert not quiet.isatty()
