"""Check the subject of a commit message: python3 scripts/commit_subject.py FILE"""

from __future__ import annotations

import sys
from pathlib import Path

LONGEST = 72


def problem(subject: str) -> str:
    """Return what is wrong with a subject, in a sentence; empty if nothing is."""
    if len(subject) > LONGEST:
        return f"the subject has {len(subject)} characters, expected at most {LONGEST}; shorten it"
    if not subject[:1].isupper():
        return f"the subject begins with {subject[:1]!r}, expected a capital letter"
    if subject.endswith("."):
        return "the subject ends with a full stop; remove it"
    return ""


if __name__ == "__main__":
    sys.exit(problem(Path(sys.argv[1]).read_text(encoding="utf-8").split("\n", 1)[0]) or 0)
