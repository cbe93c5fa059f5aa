"""The file of a worklist: order, answers, one writer, older and newer releases."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from worklist_samples import finding, listed

from CAMLocalizerLib.core import InputError, OptionError, OutputError
from CAMLocalizerLib.worklist import Answer, Finding, WorklistStore
from CAMLocalizerLib.worklist.database import DATABASE
from CAMLocalizerLib.worklist.schema import CASES_AND_ANSWERS, VERSION


@pytest.fixture
def store(tmp_path: Path):
    store = WorklistStore(tmp_path / "worklist", "anna")
    yield store
    store.close()


def names(store: WorklistStore) -> list[str]:
    return [case.name for case in store.cases(0, 100)]


def number(store: WorklistStore, name: str) -> int:
    return next(case.id for case in store.cases(0, 100) if case.name == name)


def test_the_most_uncertain_cases_come_first_and_those_no_model_saw_after_them(store: WorklistStore) -> None:
    store.list_anew(listed(0.97, None, 0.52, 0.2, 0.45))
    assert names(store) == ["c", "e", "d", "a", "b"]
    assert store.counts() == type(store.counts())(total=5, answered=0, skipped=0, waiting=1)


@pytest.mark.parametrize(
    ("probability", "limit", "expected"),
    [(0.5, 0.5, 1.0), (1.0, 0.5, 0.0), (0.0, 0.5, 0.0), (0.75, 0.5, 0.5), (0.1, 0.2, 0.5), (1.0, 1.0, 1.0), (0, 0, 1)],
)
def test_uncertainty_is_the_nearness_to_the_limit(probability: float, limit: float, expected: float) -> None:
    assert Finding(False, probability, limit, 0.0).uncertainty == pytest.approx(expected)


def test_answered_cases_go_behind_skipped_ones_and_these_behind_the_others(store: WorklistStore) -> None:
    store.list_anew(listed(0.5, 0.4, 0.3, 0.2))
    store.set_answer(number(store, "a"), Answer().with_tumour(True))
    store.set_answer(number(store, "b"), Answer().left_for_later())
    store.record_failure(number(store, "c"), "is damaged")
    assert names(store) == ["d", "b", "c", "a"]
    assert [case.status for case in store.cases(0, 4)] == ["found", "skipped", "failed", "accepted"]


def test_next_goes_down_the_order_and_round_its_end(store: WorklistStore) -> None:
    store.list_anew(listed(0.5, 0.4, 0.3))
    a, b, c = (number(store, name) for name in "abc")
    assert [store.next_unanswered(after) for after in (None, a, b, c)] == [a, b, c, a]
    store.set_answer(b, Answer().with_tumour(False))
    assert [store.next_unanswered(after) for after in (a, b, c)] == [c, a, a]
    store.set_answer(c, Answer().left_for_later())
    assert store.next_unanswered(a) == c
    store.set_answer(a, Answer().with_map("right"))
    assert store.next_unanswered(c) is None


@pytest.mark.parametrize(
    ("answer", "found", "status"),
    [
        (Answer(), None, "new"),
        (Answer(), 0.9, "found"),
        (Answer().with_tumour(True), 0.9, "accepted"),
        (Answer().with_tumour(False), 0.9, "rejected"),
        (Answer().with_tumour(False), 0.1, "accepted"),
        (Answer().with_tumour(True), None, "accepted"),
        (Answer().with_tumour(True).with_map("wrong"), 0.9, "rejected"),
        (Answer().with_tumour(False).with_map("right"), 0.9, "accepted"),
        (Answer().left_for_later(), 0.9, "skipped"),
        (Answer().left_for_later().with_tumour(True), 0.9, "accepted"),
    ],
)
def test_status_follows_from_answer_and_finding(store: WorklistStore, answer: Answer, found, status: str) -> None:
    store.list_anew(listed(found))
    if answer != Answer():
        store.set_answer(1, answer)
    assert store.case(1).status == status
    assert store.case(1).answer == answer


def test_answers_survive_closing_and_are_those_of_their_reader(tmp_path: Path) -> None:
    store = WorklistStore(tmp_path, "anna")
    store.list_anew(listed(0.5))
    store.set_answer(1, Answer().with_tumour(True, "glioma").with_map("right"), model_sha256="x")
    store.set_slice(1, "axial", 3, Answer().with_tumour(False))
    store.keep_review(1, "x", {"settings": 1})
    said = store.case(1).answer
    store.close()
    other = WorklistStore(tmp_path, "ben")
    assert (other.case(1).answer, other.slices(1, "axial"), other.review_of(1, "x")) == (Answer(), {}, None)
    other.close()
    again = WorklistStore(tmp_path, "anna")
    assert again.case(1).answer == said
    assert [(at, answer.tumour) for at, answer in again.slices(1, "axial").items()] == [(3, False)]
    assert again.slices(1, "coronal") == {}
    assert (again.review_of(1, "x"), again.review_of(1, "y")) == ({"settings": 1}, None)
    again.set_answer(1, Answer())
    again.set_slice(1, "axial", 3, Answer())
    assert (again.case(1).answer, again.slices(1, "axial"), again.counts().answered) == (Answer(), {}, 0)
    again.close()


def test_cases_that_are_listed_no_longer_are_kept_with_their_answers(store: WorklistStore) -> None:
    assert store.list_anew(listed(0.5, 0.4)) == 2
    store.set_answer(2, Answer().with_tumour(True))
    assert store.list_anew(listed(0.5)) == 0
    assert names(store) == ["a"]
    assert store.list_anew(listed(0.5, 0.4)) == 0
    assert store.case(2).answer.tumour is True


def test_a_finding_of_a_source_does_not_replace_that_of_the_review(store: WorklistStore) -> None:
    store.list_anew(listed(None))
    store.record_finding(1, finding(0.9))
    store.list_anew(listed(0.5))
    assert store.case(1).probability == 0.9


def test_another_model_lets_cases_wait_and_answers_stay(store: WorklistStore) -> None:
    store.list_anew(listed(0.9, 0.8))
    store.record_finding(2, finding(0.7, sha256="other"))
    store.set_answer(1, Answer().with_tumour(True))
    store.forget_other_models("other")
    assert [store.case(at).state for at in (1, 2)] == ["new", "found"]
    assert (store.case(1).probability, store.case(1).answer.tumour) == (None, True)


def test_a_second_review_of_one_worklist_is_refused(store: WorklistStore) -> None:
    with pytest.raises(OutputError, match="another review holds this worklist; end it there first"):
        WorklistStore(store.folder, "ben")


def test_a_database_that_another_program_holds_is_said_in_a_sentence(
    store: WorklistStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.list_anew(listed(0.5))
    store._connection.execute("PRAGMA busy_timeout = 1")
    with sqlite3.connect(store.folder / DATABASE, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OutputError, match=r"worklist.sqlite: another program holds the worklist; close it there"):
            store.set_answer(1, Answer().with_tumour(True))
        other.execute("ROLLBACK")
    assert store.case(1).answer == Answer()
    store.set_answer(1, Answer().with_tumour(True))
    assert store.case(1).answer.tumour is True


@pytest.mark.parametrize("name", ["", "a b", "../x", ".hidden", "x" * 41, "a/b"])
def test_readers_have_plain_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError, match="reader must be 1 to 40 letters"):
        WorklistStore(tmp_path / "worklist", name)


def test_a_worklist_of_an_older_release_is_migrated_and_a_copy_kept(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / DATABASE) as old:
        old.executescript(f"{CASES_AND_ANSWERS} PRAGMA user_version = 1;")
        old.execute("INSERT INTO cases (id, key, name, file) VALUES (7, 'k', 'n', 'f')")
        old.execute("INSERT INTO answers (case_id, reader, tumour, answered_at) VALUES (7, 'anna', 1, 'then')")
    old.close()
    store = WorklistStore(tmp_path, "anna")
    assert store.case(7).answer == Answer(tumour=True, answered_at="then")
    store.keep_review(7, "x", {})
    store.close()
    with sqlite3.connect(tmp_path / "worklist.version-1.sqlite") as kept:
        assert kept.execute("PRAGMA user_version").fetchone() == (1,)
        assert kept.execute("SELECT case_id, tumour FROM answers").fetchall() == [(7, 1)]
    kept.close()


def test_a_worklist_of_a_newer_release_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    WorklistStore(tmp_path, "anna").close()
    with sqlite3.connect(tmp_path / DATABASE) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    before = (tmp_path / DATABASE).read_bytes()
    with pytest.raises(InputError, match=f"version 99, and this release reads up to {VERSION}; use a newer"):
        WorklistStore(tmp_path, "anna")
    assert (tmp_path / DATABASE).read_bytes() == before
