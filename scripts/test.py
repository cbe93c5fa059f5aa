"""Check style and types, then run the tests: python3 scripts/test.py [pytest arguments]"""

from __future__ import annotations

import sys

import lint
from _environment import ensure_environment, run


def main() -> int:
    """Return 0 if all checks and tests pass."""
    checked = lint.main(fix=False)
    tested = run(ensure_environment(), "-m", "pytest", *sys.argv[1:])
    return checked or tested


if __name__ == "__main__":
    sys.exit(main())
