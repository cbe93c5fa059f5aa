"""How many cases are in flight, and who works on them."""

from __future__ import annotations

import gc
import weakref

import pytest

from CAMLocalizerLib.batch.schedule import as_finished
from CAMLocalizerLib.batch.worker_plan import plan_workers
from CAMLocalizerLib.core import SettingsError

GIB = 1 << 30


class FakeFuture:
    """Finishes when told."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.released = self.cancelled = False

    def add_done_callback(self, callback) -> None:
        self._callback = callback

    def finish(self) -> None:
        self._callback(self)

    def release(self) -> None:
        self.released = True

    def cancel(self) -> None:
        self.cancelled = True


class FakeWorkers:
    """Finishes every item that is asked for as soon as ``limit`` of them are in flight."""

    def __init__(self, limit: int) -> None:
        self.limit, self.most, self.alive, self.asked = limit, 0, weakref.WeakSet(), []

    def submit(self, item: str) -> FakeFuture:
        future = FakeFuture(item)
        self.alive.add(future)
        self.asked.append(future)
        self.most = max(self.most, len(self.asked))
        return future

    def finish_all(self) -> None:
        while self.asked:
            self.asked.pop().finish()


def test_ten_thousand_cases_are_never_in_flight_at_once_nor_kept():
    workers, taken, seen = FakeWorkers(8), [], 0

    def names():
        for index in range(10_000):
            taken.append(index)
            yield f"case-{index}"

    for entry in as_finished(workers.submit, names(), lambda: workers.limit, tick_s=0.001):
        if entry is None:
            workers.finish_all()
            continue
        seen += 1
        assert len(taken) - seen < 8
        assert len(workers.alive) <= 9
        workers.finish_all()
    del entry
    gc.collect()
    assert seen == 10_000
    assert workers.most <= 8
    assert len(workers.alive) <= 1


def test_every_item_comes_back_once_with_its_own_future():
    workers = FakeWorkers(3)
    seen = []
    for entry in as_finished(workers.submit, map(str, range(10)), lambda: 3, tick_s=0.001):
        if entry is not None:
            seen.append(entry[0])
            assert entry[1].key == entry[0]
            assert not entry[1].released
        workers.finish_all()
    assert sorted(seen, key=int) == list(map(str, range(10)))


def test_whatever_is_in_flight_when_the_caller_ends_is_cancelled():
    workers = FakeWorkers(3)
    running = as_finished(workers.submit, map(str, range(10)), lambda: 3, tick_s=0.001)
    assert next(running) is None
    asked = list(workers.asked)
    running.close()
    assert len(asked) == 3
    assert all(future.cancelled for future in asked)


def test_more_are_asked_for_when_more_workers_come():
    workers = FakeWorkers(2)
    running = as_finished(workers.submit, map(str, range(10)), lambda: workers.limit, tick_s=0.001)
    next(running)
    workers.limit = 5
    next(running)
    assert len(workers.asked) == 5
    running.close()


def shared(device="auto", workers=None, *, cores=8, memory_gib=64, gpus=0, environ=None):
    plan = plan_workers(device, workers, cores=cores, memory_bytes=memory_gib * GIB, gpus=gpus, environ=environ or {})
    return [dict(environment) for environment in plan.environments], plan.threads


def test_a_machine_is_shared_so_that_workers_times_threads_are_its_cores():
    assert shared() == ([{}] * 8, 1)
    assert shared(memory_gib=10) == ([{}] * 2, 4)
    assert shared(workers=3) == ([{}] * 3, 2)
    assert shared(memory_gib=1) == ([{}], 8)
    assert shared(workers=20) == ([{}] * 20, 1)


def test_each_gpu_gets_a_worker_that_sees_no_other():
    assert shared(gpus=2)[0] == [{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}]
    environ = {"CUDA_VISIBLE_DEVICES": "3, GPU-ab"}
    assert [each["CUDA_VISIBLE_DEVICES"] for each in shared(gpus=2, environ=environ)[0]] == ["3", "GPU-ab"]
    assert [each["CUDA_VISIBLE_DEVICES"] for each in shared(gpus=2, workers=3)[0]] == ["0", "1", "0"]


def test_a_gpu_that_was_named_gets_one_worker_and_a_cpu_that_was_asked_for_none_of_them():
    assert shared("cuda:1", gpus=2) == ([{}], 8)
    assert shared("cpu", gpus=2, cores=2) == ([{}] * 2, 1)
    assert shared("mps") == ([{}], 8)


def test_no_workers_at_all_are_refused():
    with pytest.raises(SettingsError, match="workers must be at least 1, got 0"):
        shared(workers=0)
