"""A worklist that is killed, damaged or cut short: answers that were given are there, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from worklist_samples import listed

import CAMLocalizerLib
from CAMLocalizerLib.worklist import Answer, WorklistStore
from CAMLocalizerLib.worklist.database import BACKUP, DATABASE

PACKAGES = Path(CAMLocalizerLib.__file__).parents[1]
ANSWER_FOR_EVER = """
import sys
from itertools import count
from CAMLocalizerLib.worklist.answers import Answer
from CAMLocalizerLib.worklist.store import WorklistStore
from pathlib import Path
store = WorklistStore(Path(sys.argv[1]), "anna")
for number in count():
    store.set_answer(1 + number % 26, Answer(True, str(number), answered_at="now"))
    print(number, flush=True)
"""
CASES = 26


def answered(folder: Path) -> None:
    """Make a worklist whose cases all have an answer, with the number of the case as its type."""
    store = WorklistStore(folder, "anna")
    store.list_anew(listed(*[0.5] * CASES))
    for number in range(1, CASES + 1):
        store.set_answer(number, Answer(True, f"type {number}", answered_at=f"2026-01-{number:02}"))
    store.set_fact("note", "x" * 20_000)  # so that tables have pages of their own
    store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals of POSIX")
def test_every_answer_that_was_shown_survives_a_kill(tmp_path: Path) -> None:
    store = WorklistStore(tmp_path, "anna")
    store.list_anew(listed(*[0.5] * CASES))
    store.close()
    environment = {**os.environ, "PYTHONPATH": str(PACKAGES)}
    child = subprocess.Popen([sys.executable, "-c", ANSWER_FOR_EVER, tmp_path], stdout=subprocess.PIPE, env=environment)
    assert child.stdout is not None
    lines = [int(child.stdout.readline()) for _ in range(60)]
    child.send_signal(signal.SIGKILL)
    lines += [int(line) for line in child.stdout.read().split(b"\n")[:-1]]
    child.wait()
    child.stdout.close()
    store = WorklistStore(tmp_path, "ben")  # the lock went with the process
    assert store.repaired == ""
    store.close()
    store = WorklistStore(tmp_path, "anna")
    last = lines[-1]
    for number in range(last - CASES + 1, last + 1):
        said = int(store.case(1 + number % CASES).answer.type)
        assert said in (number, number + CASES)  # the next answer may be written and not yet told
    assert (tmp_path / BACKUP).is_file()
    store.close()


def test_a_file_that_is_no_database_is_kept_and_the_backup_taken(tmp_path: Path) -> None:
    answered(tmp_path)
    (tmp_path / DATABASE).write_bytes(b"not a database" * 1000)
    store = WorklistStore(tmp_path, "anna")
    (kept,) = tmp_path.glob("worklist.damaged-*.sqlite")
    assert kept.read_bytes() == b"not a database" * 1000
    assert store.repaired == (
        f"worklist.sqlite was damaged and is kept as {kept.name}; 26 answers could be read from it and from its backup"
    )
    assert [case.answer.type for case in map(store.case, range(1, 27))] == [f"type {n}" for n in range(1, 27)]
    assert store.fact("note") == "x" * 20_000
    store.close()
    again = WorklistStore(tmp_path, "anna")
    assert again.repaired == ""
    again.close()


def test_answers_after_the_last_backup_are_read_from_the_damaged_file(tmp_path: Path) -> None:
    answered(tmp_path)
    backup = (tmp_path / BACKUP).read_bytes()
    store = WorklistStore(tmp_path, "anna")
    store.set_answer(5, Answer(False, answered_at="2026-02-01"))
    store.close()
    (tmp_path / BACKUP).write_bytes(backup)
    content = bytearray((tmp_path / DATABASE).read_bytes())
    root = page_of(tmp_path / DATABASE, "cases")
    content[(root - 1) * 4096 : root * 4096] = b"\x7f" * 4096
    (tmp_path / DATABASE).write_bytes(content)
    store = WorklistStore(tmp_path, "anna")
    assert "was damaged and is kept" in store.repaired
    by_name = {case.name: case for case in store.cases(0, 100)}
    assert len(by_name) == 26
    assert by_name["e"].answer == Answer(False, answered_at="2026-02-01")
    assert by_name["f"].answer == Answer(True, "type 6", answered_at="2026-01-06")
    store.close()


def test_a_damaged_file_without_a_backup_gives_an_empty_worklist_and_stays(tmp_path: Path) -> None:
    answered(tmp_path)
    (tmp_path / BACKUP).unlink()
    content = (tmp_path / DATABASE).read_bytes()[:3000]
    (tmp_path / DATABASE).write_bytes(content)
    store = WorklistStore(tmp_path, "anna")
    (kept,) = tmp_path.glob("worklist.damaged-*.sqlite")
    assert kept.read_bytes() == content
    assert "0 answers could be read" in store.repaired
    store.list_anew(listed(0.5))
    store.set_answer(1, Answer().with_tumour(True))
    store.close()


def page_of(path: Path, table: str) -> int:
    """Return the number of the first page of a table, from 1."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA page_size").fetchone() == (4096,)
        return connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
