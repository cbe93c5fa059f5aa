"""Crashes, lack of memory and broken installations are reported by one sentence and a log file."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from job_helpers import LIMIT_S, relay, running_instead, serving, until_message

from CAMLocalizerLib.core import Grid, OutputError, Volume
from CAMLocalizerLib.jobs import JobError, LocalizationJob
from CAMLocalizerLib.jobs.failure import describe_end
from CAMLocalizerLib.jobs.folder import JobFolder
from CAMLocalizerLib.jobs.handover import Handover
from CAMLocalizerLib.localizer import RunOptions

ANNOUNCE = (
    "import os, signal, sys; from pathlib import Path\n"
    "from CAMLocalizerLib.jobs.folder import JobFolder; from CAMLocalizerLib.jobs.processes import ProcessIdentity\n"
    "JobFolder(Path(sys.argv[-1])).announce(ProcessIdentity.current())\n"
)


@pytest.fixture
def failure_of(bundle, patient_volume, temporary):
    """Run a job under a launcher, return its error, and see to it that no more than a log is left."""

    def run(launcher) -> JobError:
        job = LocalizationJob(patient_volume, RunOptions(str(bundle.folder)), launcher=launcher)
        with pytest.raises(JobError) as caught:
            job.wait(timeout_s=LIMIT_S)
        state = job.poll()
        assert (state.state, state.message, state.log) == ("failed", str(caught.value), caught.value.log)
        assert list(temporary.iterdir()) == ([] if caught.value.log is None else [caught.value.log])
        return caught.value

    return run


@pytest.mark.parametrize("beginning", ["", ANNOUNCE], ids=["at once", "later"])
def test_a_killed_process_is_reported_as_out_of_memory(failure_of, beginning) -> None:
    error = failure_of(running_instead(f"{beginning}import os; print('a word', flush=True); os.kill(os.getpid(), 9)"))
    assert "was killed, most likely because memory ran out; close other programs" in str(error)
    assert str(error).endswith(f"; the log is in {error.log}")
    assert error.log.read_text() == "a word\n"


def test_a_crash_is_reported_with_a_traceback_in_the_log(failure_of) -> None:
    error = failure_of(running_instead("import ctypes; ctypes.string_at(0)"))
    assert "the process crashed (Segmentation fault)" in str(error)
    assert "Fatal Python error: Segmentation fault" in error.log.read_text()
    assert error.log.stat().st_mode & 0o077 == 0


def test_a_process_without_output_leaves_no_log(failure_of) -> None:
    error = failure_of(running_instead("import sys; sys.exit(3)"))
    assert str(error) == "the process ended with code 3 and no result"


def test_a_worker_that_ends_without_a_result_is_reported(failure_of) -> None:
    assert str(failure_of(running_instead(f"{ANNOUNCE}os._exit(0)"))) == "the process ended without a result"


def test_a_crash_hidden_by_a_launcher_is_reported(failure_of) -> None:
    crashing = running_instead(f"{ANNOUNCE}import ctypes; ctypes.string_at(0)")

    class Hiding:
        def __init__(self, process) -> None:
            self.process, self.kill = process, process.kill

        def poll(self) -> int | None:
            return None if self.process.poll() is None else 1

    error = failure_of(lambda command, **known: Hiding(crashing(command, **known)))
    assert "the process crashed (Segmentation fault)" in str(error)


def test_a_killed_worker_is_reported_under_any_launcher(bundle, long_volume, temporary) -> None:
    for launcher in (None, relay):
        job = LocalizationJob(long_volume, RunOptions(str(bundle.folder), view="axial"), launcher=launcher)
        job.start()
        until_message(job, "of 4000 slices")
        (folder,) = (path for path in temporary.iterdir() if path.is_dir())
        os.kill(JobFolder(folder).worker().pid, signal.SIGKILL)
        with pytest.raises(JobError, match="memory ran out"):
            job.wait(timeout_s=LIMIT_S)
    assert {path.suffix for path in temporary.iterdir()} == {".log"}


@pytest.mark.parametrize("work", ["raise MemoryError", "import torch; raise torch.OutOfMemoryError('in a test')"])
def test_lack_of_memory_in_the_worker_is_reported(failure_of, work) -> None:
    error = failure_of(serving(work))
    assert str(error).startswith("memory ran out; close other programs, or choose the CPU")
    assert "MemoryError" in error.log.read_text()


def test_an_unexpected_error_is_reported_with_its_traceback(failure_of) -> None:
    error = failure_of(serving("raise ZeroDivisionError('of ' + request['volume']['name'])"))
    assert "unexpectedly (ZeroDivisionError: of Doe^Jane)" in str(error)
    assert "ZeroDivisionError" in error.log.read_text()
    assert "Doe" not in error.log.read_text()


def test_the_librarys_own_errors_arrive_unchanged_and_without_a_log(failure_of) -> None:
    work = "from CAMLocalizerLib.core import InputError; raise InputError(request['volume']['name'] + ': too thin')"
    error = failure_of(serving(work))
    assert str(error) == "Doe^Jane: too thin"
    assert error.log is None


def test_a_missing_package_is_reported_by_its_usual_name(failure_of) -> None:
    error = failure_of(serving("raise ModuleNotFoundError(name='torch')"))
    assert str(error) == "PyTorch is not installed where the model runs; install it first"


def test_a_missing_program_is_reported(failure_of) -> None:
    def launch(command, **known):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "python")

    assert str(failure_of(launch)) == "the process cannot be started (No such file or directory)"


def test_a_full_disk_is_reported(failure_of, monkeypatch) -> None:
    def write(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Handover, "_write", write)
    assert "the disk is full" in str(failure_of(None))


def test_a_missing_temporary_folder_is_reported(bundle, patient_volume, temporary, monkeypatch) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "missing"))
    with pytest.raises(JobError, match="a temporary folder cannot be created"):
        LocalizationJob(patient_volume, RunOptions(str(bundle.folder))).start()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-9, "memory ran out"),
        (137, "memory ran out"),
        (139, "crashed (Segmentation fault)"),
        (-6, "crashed (Aborted)"),
        (0xC0000005, "crashed (access violation)"),
        (-1073741819, "crashed (access violation)"),
        (1, "ended with code 1"),
        (250, "ended with code 250"),
        (None, "ended without a result"),
    ],
)
def test_the_end_of_a_process_is_described(code, words) -> None:
    assert words in describe_end(code)


def test_a_failed_allocation_is_reported_as_out_of_memory() -> None:
    log = "terminate called after throwing an instance of 'std::bad_alloc'\nFatal Python error: Aborted\n"
    assert describe_end(-6, log).startswith("memory ran out; close other programs")


@pytest.mark.parametrize("order", ["C", "F"])
def test_voxels_are_transferred_unchanged(tmp_path, monkeypatch, order) -> None:
    monkeypatch.setattr("CAMLocalizerLib.jobs.handover.VOXELS_PER_BLOCK", 50)
    array = np.asarray(np.random.default_rng(4).random((7, 5, 4)), dtype=np.float32, order=order)
    handover = Handover(Volume(array, Grid((4, 5, 7), (1, 1, 1), (0, 0, 0), np.eye(3))), tmp_path / "volume.npy")
    handover.start()
    handover.join()
    np.testing.assert_array_equal(np.load(tmp_path / "volume.npy"), array)
    assert [path.name for path in tmp_path.iterdir()] == ["volume.npy"]


def test_a_stopped_handover_creates_no_volume(tmp_path: Path, oblique_volume) -> None:
    handover = Handover(oblique_volume, tmp_path / "volume.npy")
    handover.stop()
    handover.run()
    assert not (tmp_path / "volume.npy").exists()


def test_a_handover_without_a_folder_is_reported(tmp_path: Path, oblique_volume) -> None:
    handover = Handover(oblique_volume, tmp_path / "missing" / "volume.npy")
    handover.run()
    assert isinstance(handover.error, OutputError)
