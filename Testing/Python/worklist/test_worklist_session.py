"""A reader at a worklist, with a model that answers at once: going from case to case, answers, what is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_stand_ins import DONE, RUNNING, ReadyJob
from finding_stand_ins import localization_of, make_card
from worklist_samples import CLASSES, MadeSource

from CAMLocalizerLib.archive.errors import NoSuitableSeriesError
from CAMLocalizerLib.core import SettingsError
from CAMLocalizerLib.io import read_label_map
from CAMLocalizerLib.jobs import JobProgress
from CAMLocalizerLib.localizer import RunOptions
from CAMLocalizerLib.models import ModelCard
from CAMLocalizerLib.workbench import Review
from CAMLocalizerLib.worklist import Answer, Case, Means, WorklistSession, WorklistStore, answer_keys
from CAMLocalizerLib.worklist.paths import label_map_folder
from CAMLocalizerLib.worklist.session import READY

CARD = make_card(classes=("none", "glioma"), tumour_classes=("glioma",))
LIMIT_S = 30.0


class Bench:
    """Sessions on one worklist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = MadeSource()
        self.steps: tuple[JobProgress, ...] = (*RUNNING, DONE)
        self.jobs: list[ReadyJob] = []
        self.sessions: list[WorklistSession] = []

    def session(self, *, card: ModelCard | None = CARD, reader: str = "anna") -> WorklistSession:
        store = WorklistStore(self.folder, reader)
        store.list_anew(self.source.list_cases({}, ""))
        means = Means(self.source.read, lambda _volume: RunOptions(), new_job=self._new_job)
        self.sessions.append(WorklistSession(store, self.source, means, card=card))
        self.sessions[-1].goes_on = False
        return self.sessions[-1]

    def _new_job(self, volume: Any, _options: RunOptions) -> Any:
        self.jobs.append(ReadyJob(CARD, self.steps, volume))
        return self.jobs[-1]

    def close(self) -> None:
        while self.sessions:
            self.sessions.pop().close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def until(session: WorklistSession, done: Callable[[], bool]) -> None:
    """Poll as a user interface does."""
    end = time.monotonic() + LIMIT_S
    while not done():
        assert time.monotonic() < end, (session.sentence, session.background_sentence)
        session.poll()
        time.sleep(0.002)


def settled(session: WorklistSession) -> None:
    """Let the model look at every case."""
    until(session, lambda: session.store.counts().waiting == 0 and session._idle)


def test_a_case_is_shown_when_the_model_has_looked_and_the_others_follow(bench: Bench) -> None:
    session = bench.session()
    session.go_next()
    assert (session.case.name, session.review) == ("a", None)
    assert session.sentence
    until(session, lambda: session.review is not None)
    expected = localization_of(bench.source.read(session.case), CARD)
    np.testing.assert_array_equal(session.review.mask, expected.label_map().array_kji)
    assert session.case.status == "found"
    assert session.case.probability == pytest.approx(expected.volume_probability)
    assert session.case.volume_ml == pytest.approx(expected.label_map().volume_mm3 / 1000)
    settled(session)
    assert [case.status for case in session.store.cases(0, 9)] == ["found"] * 3
    assert len(bench.jobs) == 3
    assert all(session.cache.picture(number).read_bytes().startswith(b"\x89PNG") for number in (1, 2, 3))
    assert len(session._ready) <= READY


def test_the_next_case_is_ready_when_it_is_opened(bench: Bench) -> None:
    session = bench.session()
    session.go_next()
    settled(session)
    session.go_next()
    assert session.review is not None
    assert session.volume is session.review.found.volume
    assert session.sentence == ""


def test_after_a_restart_nothing_runs_again_and_the_first_unanswered_case_is_shown(bench: Bench) -> None:
    session = bench.session()
    session.go_next()
    settled(session)
    first = session.case.name
    session.say_none()
    session.review.set_threshold("0.9")
    mask = session.review.mask.copy()
    session.go_next()
    bench.close()
    bench.jobs.clear()
    again = bench.session()
    again.go_next()
    assert again.case.name != first
    again.go_back()
    assert (again.case.name, again.case.answer.tumour) == (first, False)
    until(again, lambda: again.review is not None)
    np.testing.assert_array_equal(again.review.mask, mask)
    settled(again)
    assert bench.jobs == []


def test_another_model_looks_again(bench: Bench) -> None:
    session = bench.session()
    session.go_next()
    settled(session)
    session.say_tumour()
    bench.close()
    other = make_card(sha256="cd" * 32)
    again = bench.session(card=other)
    assert [case.state for case in again.store.cases(0, 9)] == ["new"] * 3
    assert again.store.counts().answered == 1


def test_one_key_says_one_thing(bench: Bench) -> None:
    session = bench.session()
    session.go_next()
    settled(session)
    session.say_tumour()
    assert (session.case.answer.tumour, session.case.answer.type) == (True, "glioma")  # the only class of tumours
    session.say_wrong()
    assert (session.case.answer.map, session.case.answer.tumour, session.case.status) == ("wrong", True, "rejected")
    session.say_none()
    assert (session.case.answer.tumour, session.case.answer.type) == (False, "")
    session.take_back()
    assert session.case.answer == Answer()
    with pytest.raises(SettingsError, match="'sarcoma' is not a tumour class of the model; it has glioma"):
        session.say_type("sarcoma")


def test_a_right_map_is_kept_as_it_is_shown_and_says_whether_there_is_a_tumour(bench: Bench) -> None:
    session = bench.session()
    session.go_next()
    settled(session)
    session.review.reject_component(1)
    session.say_right()
    answer = session.case.answer
    assert (answer.map, answer.tumour, answer.type) == ("right", True, "glioma")
    kept = read_label_map(label_map_folder(bench.folder, "anna", session.case.name) / "labelmap.nii.gz")
    np.testing.assert_array_equal(kept.array_kji, session.review.mask)
    session.take_back()
    session.review.set_threshold("1.0")
    for component in session.review.components:
        session.review.reject_component(component.label)
    session.say_right()
    assert (session.case.answer.tumour, session.case.answer.type) == (False, "")


def test_the_reader_goes_on_after_an_answer_and_back_to_it(bench: Bench) -> None:
    session = bench.session()
    session.goes_on = True
    session.go_next()
    settled(session)
    first = session.case.name
    session.say_tumour()
    second = session.case.name
    session.skip()
    third = session.case.name
    assert len({first, second, third}) == 3
    session.say_none()
    assert session.case.name == second  # the skipped one is left
    session.go_back()
    assert session.case.name == third
    session.say_none()
    session.say_none()
    assert session.case.name == second
    with pytest.raises(SettingsError, match="every other case has an answer"):
        session.go_next()
    assert session.store.counts().answered == 3


def test_slices_are_labelled_one_by_one(bench: Bench) -> None:
    session = bench.session()
    session.go_next()
    settled(session)
    session.labels_slices = True
    session.say_tumour(2)
    session.say_none(5)
    session.say_none(2)
    assert {at: answer.tumour for at, answer in session.slice_answers().items()} == {2: False, 5: False}
    assert (session.case.answer, session.case.labelled_slices) == (Answer(), 2)
    session.take_back(2)
    assert list(session.slice_answers()) == [5]
    with pytest.raises(SettingsError, match="no slice is on show"):
        session.say_none(None)


def test_a_case_that_cannot_be_read_says_why_and_the_others_go_on(bench: Bench) -> None:
    bench.source.broken = ("a",)
    session = bench.session()
    session.go_next()
    settled(session)
    assert (session.case.name, session.case.status, session.sentence) == ("a", "failed", "a.nii.gz: is damaged.")
    with pytest.raises(SettingsError, match="the model has not looked at this case yet"):
        session.say_right()
    session.say_tumour()
    assert session.case.answer.tumour is True
    assert sorted(case.status for case in session.store.cases(0, 9)) == ["accepted", "found", "found"]


def test_what_is_wrong_for_every_case_is_not_tried_with_all_of_them(bench: Bench) -> None:
    bench.source.names = tuple("abcdefgh")
    bench.steps = (JobProgress("failed", message="PyTorch is not installed"),)
    session = bench.session()
    session.go_next()
    until(session, lambda: session._idle)
    assert len(bench.jobs) == 3
    assert session.sentence == "PyTorch is not installed."


def test_studies_that_suit_no_model_do_not_stop_the_others(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.source.names = tuple("abcdefgh")
    whole = bench.source.read

    def read(case: Case) -> Any:
        if case.name in "abcdef":
            raise NoSuitableSeriesError("no series suits the model")
        return whole(case)

    monkeypatch.setattr(bench.source, "read", read)
    session = bench.session()
    session.go_next()
    settled(session)
    assert [case.name for case in session.store.cases(0, 9) if case.state == "found"] == ["g", "h"]


def test_findings_of_other_voxels_on_the_same_grid_are_not_taken(bench: Bench) -> None:
    session = bench.session()
    session.go_next()
    settled(session)
    case, volume = session.case, session.volume
    assert session.cache.load(case.id, volume, CARD.sha256) is not None
    assert session.cache.load(case.id, replace(volume, array_kji=volume.array_kji + 1), CARD.sha256) is None


def test_the_case_on_show_goes_before_those_in_the_background(bench: Bench) -> None:
    bench.steps = RUNNING[:1]  # never ready
    session = bench.session()
    session.go_next()
    until(session, lambda: len(bench.jobs) == 1)
    session.open(3)
    until(session, lambda: len(bench.jobs) == 2)
    assert bench.jobs[0].cancelled
    assert bench.jobs[1].volume.name == "c"
    assert session.sentence == "PyTorch is being loaded"


def test_keys_are_unique_and_name_methods(bench: Bench) -> None:
    keys = answer_keys(CLASSES[1:])
    assert len({key.key for key in keys}) == len(keys)
    assert [key.values for key in keys if key.action == "say_type"] == [("glioma",), ("meningioma",)]
    assert all(callable(getattr(WorklistSession, key.action)) for key in keys)
    assert not any(key.action == "say_type" for key in answer_keys(("glioma",)))


def test_a_review_that_was_left_alone_leaves_no_draft(bench: Bench) -> None:
    session = bench.session()
    session.go_next()
    settled(session)
    sha256, number = session.review.found.card.sha256, session.case.id
    assert isinstance(session.review, Review)
    session.go_next()
    assert session.store.review_of(number, sha256) is None
