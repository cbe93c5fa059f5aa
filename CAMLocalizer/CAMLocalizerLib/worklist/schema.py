"""The tables of a worklist, version by version."""

from __future__ import annotations

import sqlite3

from ..core import InputError

CASES_AND_ANSWERS = """
CREATE TABLE cases (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    file TEXT NOT NULL,
    series TEXT NOT NULL DEFAULT '',
    patient TEXT NOT NULL DEFAULT '',
    position INTEGER NOT NULL DEFAULT 0,
    listed INTEGER NOT NULL DEFAULT 1,
    state TEXT NOT NULL DEFAULT 'new',
    sentence TEXT NOT NULL DEFAULT '',
    tumour_found INTEGER,
    probability REAL,
    uncertainty REAL,
    volume_ml REAL,
    type TEXT NOT NULL DEFAULT '',
    model TEXT NOT NULL DEFAULT '',
    model_sha256 TEXT NOT NULL DEFAULT ''
);
CREATE TABLE answers (
    case_id INTEGER NOT NULL REFERENCES cases (id),
    reader TEXT NOT NULL,
    tumour INTEGER,
    type TEXT NOT NULL DEFAULT '',
    map TEXT NOT NULL DEFAULT '',
    skipped INTEGER NOT NULL DEFAULT 0,
    model_sha256 TEXT NOT NULL DEFAULT '',
    answered_at TEXT NOT NULL,
    PRIMARY KEY (case_id, reader)
);
CREATE TABLE slices (
    case_id INTEGER NOT NULL REFERENCES cases (id),
    reader TEXT NOT NULL,
    view TEXT NOT NULL,
    slice INTEGER NOT NULL,
    tumour INTEGER NOT NULL,
    type TEXT NOT NULL DEFAULT '',
    answered_at TEXT NOT NULL,
    PRIMARY KEY (case_id, reader, view, slice)
);
"""
REVIEWS_AND_FACTS = """
CREATE TABLE reviews (
    case_id INTEGER NOT NULL REFERENCES cases (id),
    reader TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (case_id, reader)
);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
MIGRATIONS = (CASES_AND_ANSWERS, REVIEWS_AND_FACTS)
VERSION = len(MIGRATIONS)
TABLES = ("cases", "answers", "slices", "reviews", "facts")


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of a database's tables; 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, path: object) -> None:
    """Bring the tables of a database to the present version, all steps or none.

    Args:
        connection: in autocommit mode.
        path: of the database, for the message.

    Raises:
        InputError: a newer version than this release knows.
    """
    version = version_of(connection)
    if version > VERSION:
        raise InputError(
            f"{path}: is a worklist of version {version}, and this release reads up to {VERSION}; "
            "use a newer release of camlocalizer"
        )
    if version == VERSION:
        return
    steps = "".join(MIGRATIONS[version:])
    connection.executescript(f"BEGIN IMMEDIATE;{steps}PRAGMA user_version = {VERSION};COMMIT;")
