"""Jobs give the same results as this process, report progress and clean up."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest
from job_helpers import LIMIT_S

from CAMLocalizerLib.core import Volume
from CAMLocalizerLib.jobs import JobError, JobProgress, LocalizationJob
from CAMLocalizerLib.localizer import Localizer, RunOptions


def test_a_job_gives_the_same_findings_as_this_process(bundle, patient_volume, temporary) -> None:
    request = RunOptions(str(bundle.folder), device="cpu", view="sagittal", batch_size=3)
    found = LocalizationJob(patient_volume, request).wait(timeout_s=LIMIT_S)
    here = Localizer(bundle.folder, device="cpu", batch_size=3).run(patient_volume, view="sagittal")
    assert found.volume is patient_volume
    assert (found.card, found.view, found.device, found.notes) == (here.card, "sagittal", "cpu", here.notes)
    assert found.probabilities.tobytes() == here.probabilities.tobytes()
    np.testing.assert_array_equal(found.activation(), here.activation())
    assert list(temporary.iterdir()) == []


def test_progress_counts_every_image_and_ends_with_done(bundle, patient_volume, temporary) -> None:
    steps: list[JobProgress] = []
    job = LocalizationJob(patient_volume, RunOptions(str(bundle.folder), device="cpu", view="coronal", batch_size=4))
    job.wait(steps.append, timeout_s=LIMIT_S)
    states = [step.state for step in steps]
    assert sorted(states, key=["starting", "running", "done"].index) == states
    assert steps[0].message == "The process is starting"
    assert (steps[-1].state, steps[-1].done, steps[-1].total) == ("done", 24, 24)
    assert job.poll() is job.poll()


def test_only_the_user_may_read_a_jobs_folder(bundle, patient_volume, temporary) -> None:
    job = LocalizationJob(patient_volume, RunOptions(str(bundle.folder), device="cpu"))
    job.start()
    (folder,) = temporary.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    job.cancel()


def test_no_file_contains_the_name_of_the_volume(bundle, patient_volume, temporary) -> None:
    job = LocalizationJob(patient_volume, RunOptions(str(bundle.folder), device="cpu"))
    job.start()
    while job.poll().state != "done":
        pass
    files = [path for path in temporary.rglob("*") if path.is_file()]
    assert {"request.json", "worker.log", "findings.json", "volume.npy"} <= {path.name for path in files}
    assert all(b"Doe" not in path.read_bytes() for path in files)
    assert job.result() is job.result()


def test_notes_and_errors_contain_the_name_of_the_volume(bundle, patient_volume, temporary) -> None:
    with pytest.raises(JobError, match=r"^device cuda:99 is not available, PyTorch sees \d+ CUDA GPUs"):
        LocalizationJob(patient_volume, RunOptions(str(bundle.folder), device="cuda:99")).wait(timeout_s=LIMIT_S)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "no-such-model"}, "^unknown model 'no-such-model'"),
        ({"device": "cuda:99"}, "^device cuda:99 is not available"),
    ],
)
def test_an_invalid_request_is_refused_with_the_librarys_message(
    bundle, patient_volume, temporary, changes, words
) -> None:
    job = LocalizationJob(patient_volume, RunOptions(**{"model": str(bundle.folder), **changes}))
    with pytest.raises(JobError, match=words) as caught:
        job.wait(timeout_s=LIMIT_S)
    assert caught.value.log is None
    assert (job.poll().state, job.poll().message) == ("failed", str(caught.value))
    assert list(temporary.iterdir()) == []


def test_a_relative_folder_of_a_model_is_found(bundle, patient_volume, temporary, monkeypatch) -> None:
    monkeypatch.chdir(bundle.folder.parent)
    found = LocalizationJob(patient_volume, RunOptions("tiny", device="cpu")).wait(timeout_s=LIMIT_S)
    assert found.card.name == "tiny"


def test_a_result_is_not_available_before_the_job_is_done(bundle, patient_volume: Volume, temporary: Path) -> None:
    job = LocalizationJob(patient_volume, RunOptions(str(bundle.folder), device="cpu"))
    assert job.poll().state == "starting"
    job.start()
    with pytest.raises(JobError, match="not done yet"):
        job.result()
    with pytest.raises(JobError, match="already started or cancelled"):
        job.start()
    job.cancel()
