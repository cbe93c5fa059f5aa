"""WorklistStore: the cases of a worklist and the answers of its readers, in one file with one writer."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..core import InputError, OutputError
from ..io.locking import try_lock
from ..io.writing import output_errors
from .answers import Answer, check_reader
from .case import Case, Finding, ListedCase
from .database import DATABASE, back_up, database_errors, open_database
from .queries import ANSWERED, ORDERED, SELECTED, SKIPPED, UNANSWERED, answer_of, case_of

WORKLIST_FOLDER = "worklist"
LOCK_FILE = "worklist.lock"
ANSWERS_PER_BACKUP = 25
Classes = tuple[tuple[str, ...], tuple[str, ...]]
SALT, CLASSES, ROOT, ARCHIVE = "salt", "classes", "root", "archive"


@dataclass(frozen=True)
class Counts:
    """How far a reader is.

    Args:
        total: cases that the source lists.
        answered: those about which the reader said something.
        skipped: those that the reader left for later.
        waiting: those that no model has seen yet.
    """

    total: int
    answered: int
    skipped: int
    waiting: int


class WorklistStore:
    """A worklist that is open for one reader; no other process can write it at the same time.

    Every answer is on the disk when its method returns.

    Args:
        folder: of the worklist; made if missing.
        reader: identifier that the reader chose.

    Raises:
        OptionError: an identifier of another form.
        OutputError: another review holds the worklist, or the folder cannot be written.
        InputError: a worklist of a newer release.
    """

    def __init__(self, folder: Path, reader: str) -> None:
        self.folder = folder
        self.reader = check_reader(reader)
        with output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock: IO[bytes] = (folder / LOCK_FILE).open("ab")
        if not try_lock(self._lock.fileno()):
            self._lock.close()
            raise OutputError(f"{folder}: another review holds this worklist; end it there first")
        try:
            self._connection, self.repaired = open_database(folder)
        except BaseException:
            self._lock.close()
            raise
        self._ranked: dict[int, int] | None = None
        self._known_classes: dict[str, Classes] = {}
        self._counts: Counts | None = None
        self._since_backup = 0
        with suppress(OutputError):
            back_up(self._connection, folder)

    def close(self) -> None:
        """Copy the database to its backup and let go of the worklist."""
        with suppress(OutputError):
            back_up(self._connection, self.folder)
        self._connection.close()
        self._lock.close()

    # Cases

    def list_anew(self, cases: Sequence[ListedCase]) -> int:
        """Take over what a source lists now; answers about cases that are no longer listed are kept.

        Returns:
            How many cases are new.
        """
        with self._writing():
            before = self._value("SELECT count(*) FROM cases")
            self._connection.execute("UPDATE cases SET listed = 0")
            self._connection.executemany(
                "INSERT INTO cases (key, name, file, series, patient, position) VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (key) DO UPDATE SET file = excluded.file, series = excluded.series, "
                "patient = excluded.patient, position = excluded.position, listed = 1",
                [(case.key, case.name, case.file, case.series, case.patient, at) for at, case in enumerate(cases)],
            )
            self._connection.execute("UPDATE cases SET state = 'new' WHERE state = 'failed'")
            waiting = dict(self._connection.execute("SELECT key, id FROM cases WHERE state = 'new'").fetchall())
            for case in cases:
                if case.finding is not None and case.key in waiting:
                    self._record(case.finding, waiting[case.key])
            return int(self._value("SELECT count(*) FROM cases") - before)

    def names(self) -> dict[tuple[str, str], str]:
        """Return the names of all cases, by file and series."""
        rows = self._query("SELECT file, series, name FROM cases")
        return {(row["file"], row["series"]): row["name"] for row in rows}

    def counts(self) -> Counts:
        """Count the cases."""
        if self._counts is None:
            self._counts = self._counted()
        return self._counts

    def _counted(self) -> Counts:
        row = self._query(
            "SELECT count(*) AS total, coalesce(sum(state = 'new'), 0) AS waiting, "
            "coalesce(sum(answers.tumour IS NOT NULL OR coalesce(answers.map, '') != '' "
            "OR cases.id IN (SELECT case_id FROM slices WHERE reader = ?1)), 0) AS answered, "
            "coalesce(sum(answers.skipped), 0) AS skipped "
            "FROM cases LEFT JOIN answers ON answers.case_id = cases.id AND answers.reader = ?1 WHERE listed",
            self.reader,
        )[0]
        return Counts(row["total"], row["answered"], row["skipped"], row["waiting"])

    def order(self) -> list[int]:
        """Return the numbers of all cases, those that need a look first: unanswered ones, the most uncertain first."""
        return list(self._ranks())

    def _ranks(self) -> dict[int, int]:
        """Return how urgent each case is, in their order."""
        if self._ranked is None:
            self._ranked = {row["id"]: row["rank"] for row in self._query(ORDERED, self.reader)}
        return self._ranked

    def cases(self, first: int, count: int) -> tuple[Case, ...]:
        """Return some cases of the order.

        Args:
            first: place in the order, from 0.
            count: how many.
        """
        return self._cases(self.order()[max(0, first) : max(0, first) + count])

    def case(self, number: int) -> Case:
        """Return a case by its number.

        Raises:
            KeyError: there is none.
        """
        (case,) = self._cases([number]) or (None,)
        if case is None:
            raise KeyError(number)
        return case

    def next_unanswered(self, after: int | None = None) -> int | None:
        """Return the next case that needs a look, round at the end of the order.

        Args:
            after: the case to go on from; the first one of the order if it was answered, or if not given.

        Returns:
            The next case without an answer, or else the next skipped one; None if every other case was answered.
        """
        states, order = self._ranks(), self.order()
        if after is not None and states.get(after, ANSWERED) < ANSWERED:
            at = order.index(after) + 1
            order = order[at:] + order[: at - 1]
        for rank in (UNANSWERED, SKIPPED):
            for number in order:
                if states[number] == rank and number != after:
                    return number
        return None

    def next_waiting(self) -> int | None:
        """Return the first case that no model has seen; None if there is none."""
        row = self._query("SELECT id FROM cases WHERE listed AND state = 'new' ORDER BY position LIMIT 1")
        return row[0]["id"] if row else None

    def last_answered(self) -> int | None:
        """Return the case that the reader answered last; None before the first answer."""
        row = self._query(
            "SELECT case_id FROM answers JOIN cases ON cases.id = case_id "
            "WHERE reader = ? AND listed ORDER BY answered_at DESC LIMIT 1",
            self.reader,
        )
        return row[0]["case_id"] if row else None

    # Findings

    def record_finding(self, number: int, finding: Finding) -> None:
        """Keep what a model found in a case."""
        with self._writing():
            self._record(finding, number)

    def record_failure(self, number: int, sentence: str) -> None:
        """Keep why a case could not be looked at."""
        with self._writing():
            self._connection.execute("UPDATE cases SET state = 'failed', sentence = ? WHERE id = ?", (sentence, number))

    def forget_other_models(self, model_sha256: str) -> None:
        """Let all cases wait that another model saw; answers stay."""
        with self._writing():
            self._connection.execute(
                "UPDATE cases SET state = 'new', tumour_found = NULL, probability = NULL, uncertainty = NULL, "
                "volume_ml = NULL, type = '', model = '', model_sha256 = '' "
                "WHERE state = 'found' AND model_sha256 != ?",
                (model_sha256,),
            )

    def know_classes(self, model_sha256: str, classes: Sequence[str], tumour_classes: Sequence[str]) -> None:
        """Keep the classes of a model and those of them that are tumours."""
        with self._writing():
            self._know_classes(model_sha256, classes, tumour_classes)

    def classes(self, model_sha256: str) -> Classes:
        """Return the classes of a model and those that are tumours; nothing for a model that found nothing here."""
        if model_sha256 not in self._known_classes:
            known = self.fact(f"{CLASSES} {model_sha256}")
            values = json.loads(known) if known else {"classes": [], "tumour_classes": []}
            self._known_classes[model_sha256] = tuple(values["classes"]), tuple(values["tumour_classes"])
        return self._known_classes[model_sha256]

    # Answers

    def set_answer(self, number: int, answer: Answer, *, model_sha256: str = "") -> None:
        """Keep what the reader said about a case; an empty answer takes back what was said.

        Args:
            number: of the case.
            answer: what was said.
            model_sha256: of the model whose map was on show.

        Raises:
            OutputError: the answer could not be written; what was said before still counts.
        """
        values = (number, self.reader, answer.tumour, answer.type, answer.map, answer.skipped)
        with self._writing():
            if not answer.given and not answer.skipped:
                self._connection.execute("DELETE FROM answers WHERE case_id = ? AND reader = ?", (number, self.reader))
            else:
                self._connection.execute(
                    "INSERT OR REPLACE INTO answers "
                    "(case_id, reader, tumour, type, map, skipped, model_sha256, answered_at) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (*values, model_sha256, answer.answered_at),
                )
        self._count_answer()

    def slices(self, number: int, view: str) -> dict[int, Answer]:
        """Return what the reader said about the slices of a case.

        Args:
            number: of the case.
            view: plane of the slices.

        Returns:
            Answers by slice, from 0 in display order.
        """
        rows = self._query(
            "SELECT * FROM slices WHERE case_id = ? AND reader = ? AND view = ?", number, self.reader, view
        )
        return {row["slice"]: answer_of(row) for row in rows}

    def set_slice(self, number: int, view: str, index: int, answer: Answer) -> None:
        """Keep what the reader said about a slice; an empty answer takes it back. Arguments as for :meth:`slices`."""
        place = (number, self.reader, view, index)
        with self._writing():
            if answer.tumour is None:
                self._connection.execute(
                    "DELETE FROM slices WHERE case_id = ? AND reader = ? AND view = ? AND slice = ?", place
                )
            else:
                self._connection.execute(
                    "INSERT OR REPLACE INTO slices (case_id, reader, view, slice, tumour, type, answered_at) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (*place, answer.tumour, answer.type, answer.answered_at),
                )
        self._count_answer()

    def review_of(self, number: int, model_sha256: str) -> dict[str, Any] | None:
        """Return how the reader left the review of a model's map; None if it was left as the model made it."""
        rows = self._query(
            "SELECT state FROM reviews WHERE case_id = ? AND reader = ? AND model_sha256 = ?",
            number,
            self.reader,
            model_sha256,
        )
        return json.loads(rows[0]["state"]) if rows else None

    def keep_review(self, number: int, model_sha256: str, state: Mapping[str, Any]) -> None:
        """Keep how the reader leaves the review of a model's map, as JSON values."""
        with self._writing():
            self._connection.execute(
                "INSERT OR REPLACE INTO reviews (case_id, reader, model_sha256, state) VALUES (?, ?, ?, ?)",
                (number, self.reader, model_sha256, json.dumps(state)),
            )

    # Facts

    def fact(self, name: str) -> str:
        """Return something that is known of the whole worklist; empty if it is not."""
        rows = self._query("SELECT value FROM facts WHERE name = ?", name)
        return rows[0]["value"] if rows else ""

    def set_fact(self, name: str, value: str) -> None:
        """Keep something about the whole worklist."""
        with self._writing():
            self._connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

    def salt(self) -> str:
        """Return the secret that pseudonyms of this worklist are made with; made once."""
        if not self.fact(SALT):
            self.set_fact(SALT, secrets.token_hex(16))
        return self.fact(SALT)

    def settle_archive(self, url: str) -> None:
        """See that cases come from where they came from before: an archive by its URL, or files if that is empty.

        Raises:
            InputError: they came from elsewhere.
        """
        known = self.fact(ARCHIVE)
        if self.names() and known != url:
            told = f"the archive {known}; open it by its address" if known else "files; give another --output"
            raise InputError(f"{self.folder}: is the worklist of {told}")
        self.set_fact(ARCHIVE, url)

    def _record(self, finding: Finding, number: int) -> None:
        self._connection.execute(
            "UPDATE cases SET state = 'found', sentence = '', tumour_found = ?, probability = ?, uncertainty = ?, "
            "volume_ml = ?, type = ?, model = ?, model_sha256 = ? WHERE id = ?",
            (
                finding.tumour,
                finding.probability,
                finding.uncertainty,
                finding.volume_ml,
                finding.type,
                finding.model,
                finding.model_sha256,
                number,
            ),
        )
        if finding.classes:
            self._know_classes(finding.model_sha256, finding.classes, finding.tumour_classes)

    def _know_classes(self, model_sha256: str, classes: Sequence[str], tumour_classes: Sequence[str]) -> None:
        known = {"classes": list(classes), "tumour_classes": list(tumour_classes)}
        self._known_classes.pop(model_sha256, None)
        self._connection.execute(
            "INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)",
            (f"{CLASSES} {model_sha256}", json.dumps(known)),
        )

    def _cases(self, numbers: Sequence[int]) -> tuple[Case, ...]:
        marks = ", ".join("?" * len(numbers))
        rows = self._query(f"{SELECTED} WHERE cases.id IN ({marks})", self.reader, *numbers)
        found = {row["id"]: case_of(row) for row in rows}
        return tuple(found[number] for number in numbers if number in found)

    def _value(self, query: str) -> Any:
        return self._connection.execute(query).fetchone()[0]

    def _query(self, query: str, *values: object) -> list[sqlite3.Row]:
        with database_errors(self.folder / DATABASE):
            cursor = self._connection.cursor()
            cursor.row_factory = sqlite3.Row
            return cursor.execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Make all changes inside or none."""
        self._ranked = self._counts = None
        with database_errors(self.folder / DATABASE):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _count_answer(self) -> None:
        self._since_backup += 1
        if self._since_backup >= ANSWERS_PER_BACKUP:
            self._since_backup = 0
            with suppress(OutputError):
                back_up(self._connection, self.folder)
