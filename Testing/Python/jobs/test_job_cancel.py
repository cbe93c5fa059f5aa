"""A cancelled job leaves neither processes nor files, whenever and however it is cancelled."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from job_helpers import relay, until, until_message

from CAMLocalizerLib.jobs import JobError, JobProgress, LocalizationJob, start_process
from CAMLocalizerLib.jobs.folder import JobFolder
from CAMLocalizerLib.jobs.processes import ProcessIdentity
from CAMLocalizerLib.localizer import RunOptions

LIBRARY = Path(__file__).resolve().parents[3] / "CAMLocalizer"
MOMENTS = ["is starting", "PyTorch is being loaded", "of 4000 slices"]

pytestmark = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc")


@pytest.fixture
def job(bundle, long_volume, temporary) -> LocalizationJob:
    return LocalizationJob(long_volume, RunOptions(str(bundle.folder), device="cpu", view="axial"))


@pytest.fixture
def relayed(bundle, long_volume, temporary) -> LocalizationJob:
    return LocalizationJob(long_volume, RunOptions(str(bundle.folder), device="cpu", view="axial"), launcher=relay)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_cancelled_job_is_cleaned_up(job, temporary, processes_of, moment) -> None:
    job.start()
    until_message(job, moment)
    until(lambda: len(processes_of(temporary)) == 1, "there is no process")  # a new one has no command line yet
    job.cancel()
    assert processes_of(temporary) == []
    assert list(temporary.iterdir()) == []
    assert job.poll() == JobProgress("cancelled", job.poll().done, job.poll().total, None, "The job was cancelled")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_cancelled_job_is_cleaned_up_if_the_program_is_a_launcher(relayed, temporary, processes_of, moment) -> None:
    relayed.start()
    until_message(relayed, moment)
    relayed.cancel()
    assert processes_of(temporary) == []
    assert list(temporary.iterdir()) == []


def test_a_worker_that_starts_after_the_cancel_ends_by_itself(bundle, patient_volume, temporary) -> None:
    started: list[tuple[list[str], dict]] = []

    def later(command, **known):
        started.append((list(command), known))

    job = LocalizationJob(patient_volume, RunOptions(str(bundle.folder)), launcher=later)
    job.start()
    job.cancel()
    ((command, known),) = started
    log = temporary.parent / "late.log"
    child = start_process(command, environment=known["environment"], folder=temporary, log=log)
    until(lambda: child.poll() is not None, "the worker works for nobody")
    assert list(temporary.iterdir()) == []


def test_cancelling_twice_or_before_the_start_does_nothing(job, temporary) -> None:
    job.cancel()
    job.cancel()
    assert job.poll().state == "cancelled"
    with pytest.raises(JobError, match="already started or cancelled"):
        job.start()
    assert list(temporary.iterdir()) == []


def test_a_cancelled_job_has_no_result(job) -> None:
    job.start()
    job.cancel()
    with pytest.raises(JobError, match="the job was cancelled"):
        job.result()


def test_a_loaded_result_is_kept_when_the_job_is_cancelled(bundle, patient_volume, temporary) -> None:
    job = LocalizationJob(patient_volume, RunOptions(str(bundle.folder), device="cpu"))
    found = job.wait()
    job.cancel()
    assert job.result() is found


def test_a_result_that_was_not_loaded_is_removed_on_cancel(bundle, patient_volume, temporary) -> None:
    job = LocalizationJob(patient_volume, RunOptions(str(bundle.folder), device="cpu"))
    job.start()
    until(lambda: job.poll().state == "done", "never done")
    job.cancel()
    assert job.poll().state == "cancelled"
    assert list(temporary.iterdir()) == []


def test_an_exception_in_progress_ends_the_job(job, temporary, processes_of) -> None:
    def stop(step: JobProgress) -> None:
        if step.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job.wait(stop)
    assert processes_of(temporary) == []
    assert list(temporary.iterdir()) == []


def test_a_job_that_takes_too_long_is_cancelled(job, temporary, processes_of) -> None:
    with pytest.raises(JobError, match=r"took longer than 0\.1 s"):
        job.wait(timeout_s=0.1)
    assert processes_of(temporary) == []


def test_a_deleted_job_ends(bundle, long_volume, temporary, processes_of) -> None:
    job = LocalizationJob(long_volume, RunOptions(str(bundle.folder), device="cpu"))
    job.start()
    until_message(job, "PyTorch is being loaded")
    del job
    gc.collect()
    assert processes_of(temporary) == []
    assert list(temporary.iterdir()) == []


def test_a_job_without_its_folder_fails_and_its_process_ends(job, temporary, processes_of) -> None:
    job.start()
    until_message(job, "of 4000 slices")
    (folder,) = temporary.iterdir()
    shutil.rmtree(folder)
    until(lambda: job.poll().state == "failed", "never failed")
    assert "the process" in job.poll().message
    until(lambda: not processes_of(temporary), "the process works on")


@pytest.mark.parametrize("how", ["killed", "left"])
def test_the_worker_ends_with_its_parent_process(bundle, long_volume, temporary, processes_of, how) -> None:
    np.save(temporary.parent / "voxels.npy", long_volume.array_kji)
    code = (
        "import sys, tempfile, time\n"
        "import numpy as np\n"
        "from CAMLocalizerLib.core import Grid, Volume\n"
        "from CAMLocalizerLib.jobs import LocalizationJob\n"
        "from CAMLocalizerLib.localizer import RunOptions\n"
        "folder, model, how = sys.argv[1:]\n"
        "tempfile.tempdir = folder\n"
        "array = np.load(folder + '/../voxels.npy')\n"
        "volume = Volume(array, Grid(array.shape[::-1], (1, 1, 1), (0, 0, 0), np.eye(3)))\n"
        "job = LocalizationJob(volume, RunOptions(model, device='cpu', view='axial'))\n"
        "job.start()\n"
        "while job.poll().done == 0:\n"
        "    time.sleep(0.01)\n"
        "print('looking', flush=True)\n"
        "time.sleep(1000 if how == 'killed' else 0)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(LIBRARY)}
    command = [sys.executable, "-c", code, str(temporary), str(bundle.folder), how]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout.readline() == "looking\n"
        (folder,) = temporary.iterdir()
        worker = JobFolder(folder).worker()
        assert how == "left" or worker.alive()
        if how == "killed":
            asking.send_signal(signal.SIGKILL)
    until(lambda: not worker.alive(), "the worker works on")
    until(lambda: not list(temporary.iterdir()), "the folder is still there")


def test_a_process_is_not_confused_with_another_one_of_the_same_number() -> None:
    own = ProcessIdentity.current()
    assert own.alive()
    assert not ProcessIdentity(own.pid, "earlier").alive()
    ProcessIdentity(own.pid, "earlier").kill()
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as child:
        from CAMLocalizerLib.jobs.processes import start_time

        identity = ProcessIdentity(child.pid, start_time(child.pid))
        identity.kill()
        until(lambda: not identity.alive(), "killed, it is alive")  # although nobody collected it yet
