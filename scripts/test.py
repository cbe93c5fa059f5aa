"""Check style and types, then run the tests: python3 scripts/test.py [pytest arguments]"""

from __future__ import annotations

import os
import sys

import lint
from _environment import ensure_environment, run


def main() -> int:
    """Return 0 if all checks and tests pass."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny networks lose more to threads than they gain
    checked = lint.main(fix=False)
    tested = run(ensure_environment(), "-m", "pytest", *sys.argv[1:])
    return checked or tested


if __name__ == "__main__":
    sys.exit(main())
