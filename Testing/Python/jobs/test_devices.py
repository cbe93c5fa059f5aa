"""Devices and their memory, detected in another process."""

from __future__ import annotations

import pytest
from job_helpers import running_instead, serving, until

from CAMLocalizerLib.jobs import Device, DeviceProbe, JobError, devices
from CAMLocalizerLib.jobs.memory import available_by_vm_stat, machine_memory_mb

CUDA = {"name": "cuda:0", "kind": "cuda", "total_mb": 8192, "free_mb": 6144, "label": "A GPU"}


def test_the_cpu_comes_first_with_the_memory_of_the_machine(temporary) -> None:
    pytest.importorskip("torch")
    cpu = devices()[0]
    assert (cpu.name, cpu.kind) == ("cpu", "cpu")
    assert 0 < cpu.free_mb <= cpu.total_mb
    assert list(temporary.iterdir()) == []


def test_the_version_of_torch_is_reported(temporary) -> None:
    torch = pytest.importorskip("torch")
    assert DeviceProbe().wait().torch_version == torch.__version__


def test_other_devices_follow_the_cpu(temporary) -> None:
    found = devices(launcher=serving(f"return {{'torch': '9.9', 'devices': [{CUDA}]}}"))
    assert [device.name for device in found] == ["cpu", "cuda:0"]
    assert found[1] == Device(**CUDA)


def test_starting_the_probe_does_not_wait(temporary) -> None:
    probe = DeviceProbe(launcher=serving("return {'torch': '9.9', 'devices': []}"))
    assert probe.poll() is None
    probe.start()
    assert probe.poll() is None
    until(probe.poll, "no answer came")
    assert probe.poll() is probe.wait()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("launcher", "words"),
    [
        (serving("raise ModuleNotFoundError(name='torch')"), "PyTorch is not installed"),
        (serving("raise OSError('libcudart.so: cannot open')"), "PyTorch cannot be used: OSError: libcudart"),
        (running_instead("import ctypes; ctypes.string_at(0)"), "PyTorch cannot be used: the process crashed"),
        (running_instead("import time; time.sleep(1000)"), r"did not answer within 1 s"),
    ],
    ids=["missing", "broken", "crash", "silent"],
)
def test_if_torch_does_not_answer_the_cpu_and_a_problem_are_reported(temporary, launcher, words) -> None:
    report = DeviceProbe(launcher=launcher, timeout_s=1.0 if "within" in words else 60.0).wait()
    assert [device.kind for device in report.devices] == ["cpu"]
    assert report.torch_version == ""
    assert words.replace("\\", "") in report.problem
    assert all(path.suffix == ".log" for path in temporary.iterdir())


def test_a_missing_program_is_reported_by_the_probe(temporary) -> None:
    def launch(command, **known):
        raise FileNotFoundError(2, "No such file or directory")

    with pytest.raises(JobError, match="cannot be started"):
        devices(launcher=launch)


def test_the_probe_can_be_cancelled(temporary, processes_of) -> None:
    probe = DeviceProbe()
    probe.start()
    probe.cancel()
    assert probe.poll() is None
    assert processes_of(temporary) == []
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("device", "text"),
    [
        (Device(**CUDA), "cuda:0 (A GPU): 6.0 of 8.0 GiB free"),
        (Device("cpu", "cpu", 2048, None), "cpu: 2.0 GiB"),
        (Device("mps", "mps", None, None, "Apple GPU"), "mps (Apple GPU)"),
    ],
)
def test_a_device_reads_as_a_line(device, text) -> None:
    assert str(device) == text


def test_the_machine_has_more_memory_than_is_free() -> None:
    total, free = machine_memory_mb()
    assert 0 < free <= total


def test_the_free_memory_of_macos_is_read() -> None:
    head = "Mach Virtual Memory Statistics: (page size of 16384 bytes)\n"
    text = f"{head}Pages free:                    6400.\nPages active:   1.\nPages inactive:    64.\n"
    assert available_by_vm_stat(text) == 101
    assert available_by_vm_stat(head) is None
    assert available_by_vm_stat("") is None
