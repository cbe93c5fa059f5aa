"""What is asked of the tables, and rows as cases and answers."""

from __future__ import annotations

import sqlite3

from .answers import Answer
from .case import Case

UNANSWERED, SKIPPED, ANSWERED = 0, 1, 2
_RANK = f"""
    CASE WHEN answers.tumour IS NOT NULL OR coalesce(answers.map, '') != '' OR last IS NOT NULL THEN {ANSWERED}
         WHEN answers.skipped OR state = 'failed' THEN {SKIPPED} ELSE {UNANSWERED} END
"""
_READ_BY = """
FROM cases
LEFT JOIN answers ON answers.case_id = cases.id AND answers.reader = ?1
LEFT JOIN (SELECT case_id, max(answered_at) AS last FROM slices WHERE reader = ?1 GROUP BY case_id) AS labelled
    ON labelled.case_id = cases.id
WHERE listed
"""
# Skipped and failed cases come after those that nobody looked at, and before answered ones, the last answer first.
ORDERED = f"""
SELECT cases.id, {_RANK} AS rank {_READ_BY}
ORDER BY rank, state = 'failed',
    max(coalesce(answers.answered_at, ''), coalesce(last, '')) DESC, coalesce(uncertainty, -1.0) DESC, position
"""
SELECTED = """
SELECT cases.*, answers.tumour, answers.type AS answer_type, answers.map, answers.skipped, answers.answered_at,
    (SELECT count(*) FROM slices WHERE slices.case_id = cases.id AND slices.reader = ?1) AS labelled_slices
FROM cases LEFT JOIN answers ON answers.case_id = cases.id AND answers.reader = ?1
"""


def case_of(row: sqlite3.Row) -> Case:
    """Return a row of :data:`SELECTED` as a case."""
    found = row["tumour_found"]
    answer = Answer(
        None if row["tumour"] is None else bool(row["tumour"]),
        row["answer_type"] or "",
        row["map"] or "",
        bool(row["skipped"]),
        row["answered_at"] or "",
    )
    return Case(
        id=row["id"],
        key=row["key"],
        name=row["name"],
        file=row["file"],
        series=row["series"],
        patient=row["patient"],
        state=row["state"],
        sentence=row["sentence"],
        tumour_found=None if found is None else bool(found),
        probability=row["probability"],
        uncertainty=row["uncertainty"],
        volume_ml=row["volume_ml"],
        type=row["type"],
        model=row["model"],
        model_sha256=row["model_sha256"],
        answer=answer,
        labelled_slices=row["labelled_slices"],
    )


def answer_of(row: sqlite3.Row) -> Answer:
    """Return a row of the table ``slices`` as an answer."""
    return Answer(bool(row["tumour"]), row["type"], answered_at=row["answered_at"])
