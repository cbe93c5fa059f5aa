"""The SQLite file of a worklist: opened, checked, migrated, copied, and replaced where it is damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from ..core import OutputError
from ..io.writing import output_errors, whole_file
from .recovery import salvage, write_salvaged
from .schema import TABLES, VERSION, migrate, version_of

DATABASE = "worklist.sqlite"
BACKUP = "worklist.backup.sqlite"
LOCK_WAIT_S = 3.0
LOCKED = ("locked", "busy")
DAMAGED = ("malformed", "not a database", "file is encrypted", "corrupt", "disk image")


def open_database(folder: Path) -> tuple[sqlite3.Connection, str]:
    """Open the database of a worklist for writing, or make it.

    A damaged file is kept under another name. What can be read of it and of its backup goes into a new one.

    Args:
        folder: of the worklist; exists.

    Returns:
        The connection, in autocommit mode, and a sentence about what was repaired, empty if nothing was.

    Raises:
        InputError: a database of a newer release.
        OutputError: another program holds the database, or it cannot be written.
    """
    path = folder / DATABASE
    try:
        return _opened(path), ""
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise database_error(path, error) from error
        sentence = _replace_damaged(path)
    with database_errors(path):
        return _opened(path), sentence


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open an existing database for queries only.

    Raises:
        InputError: a newer release's.
        OutputError: it is missing, damaged, held by another program, or of an older release.
    """
    if not path.is_file():
        raise OutputError(f"{path}: no such worklist; make one with camlocalizer review FOLDER")
    with database_errors(path):
        connection = sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)
        if version_of(connection) < VERSION:
            connection.close()
            raise OutputError(f"{path}: was made by an older release; open it once with camlocalizer review")
        migrate(connection, path)
        connection.execute("PRAGMA query_only = 1")
    return connection


def back_up(connection: sqlite3.Connection, folder: Path) -> None:
    """Copy a database that is in use, whole or not at all.

    Raises:
        OutputError: the folder cannot be written.
    """
    target = folder / BACKUP
    with whole_file(target) as partial, database_errors(target), closing(sqlite3.connect(partial)) as copy:
        connection.backup(copy)


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite into one sentence that names the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise database_error(path, error) from error


def database_error(path: Path, error: sqlite3.Error) -> OutputError:
    """Return the error for a failure of a database."""
    text = str(error)
    if any(word in text for word in LOCKED):
        return OutputError(f"{path}: another program holds the worklist; close it there and try again")
    if is_damage(error):
        return OutputError(f"{path}: the worklist is damaged; open it with camlocalizer review, which repairs it")
    return OutputError(
        f"{path}: the worklist cannot be used ({text}); check that the disk can be written and is not full"
    )


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error means that the file itself is damaged."""
    return any(word in str(error) for word in DAMAGED)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = FULL")  # an answer that was shown survives a power failure
        if (version := version_of(connection)) not in (0, VERSION):
            _keep_version(connection, path, version)
        migrate(connection, path)
        for table in TABLES:
            _check(connection, table)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _keep_version(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Keep a copy of a database of an older release before it is migrated."""
    kept = path.with_name(f"worklist.version-{version}.sqlite")
    if version < VERSION and not kept.exists():
        with whole_file(kept) as partial, closing(sqlite3.connect(partial)) as copy:
            connection.backup(copy)


def _check(connection: sqlite3.Connection, table: str) -> None:
    found = connection.execute(f"PRAGMA quick_check({table})").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(f"database disk image is malformed: {found}")


def _replace_damaged(path: Path) -> str:
    """Move a damaged database away and write what can be read of it into a new one; return a sentence about it."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    kept = path.with_name(f"worklist.damaged-{stamp}.sqlite")
    backup = path.with_name(BACKUP)
    with output_errors(path):
        saved = salvage(path, backup)
        with whole_file(kept) as partial:  # a copy, so that the worklist is never without a database
            partial.write_bytes(path.read_bytes())
        with suppress(FileNotFoundError):
            path.with_name(f"{path.name}-journal").rename(f"{kept}-journal")
        with whole_file(path) as partial, database_errors(path):
            write_salvaged(saved, partial)
    count = len(saved.rows["answers"]) + len(saved.rows["slices"])
    answers = "1 answer" if count == 1 else f"{count} answers"
    return f"{path.name} was damaged and is kept as {kept.name}; {answers} could be read from it and from its backup"
