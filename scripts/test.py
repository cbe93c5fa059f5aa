"""Check style and types, then run the tests: python3 scripts/test.py [pytest arguments]

Without arguments all tests run, in one process per core (four at most); with arguments pytest runs as it is told.
"""

from __future__ import annotations

import os
import sys

import lint
from _environment import ensure_environment, run

PROCESSES = 4  # each loads torch and needs about 2 GB


def side_by_side() -> list[str]:
    """Return the arguments that spread the tests over processes, the tests of one file in one process."""
    return [f"--numprocesses={min(PROCESSES, os.cpu_count() or 1)}", "--dist=loadfile"]


def main() -> int:
    """Return 0 if all checks and tests pass."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny networks lose more to threads than they gain
    checked = lint.main(fix=False)
    tested = run(ensure_environment(), "-m", "pytest", *(sys.argv[1:] or side_by_side()))
    return checked or tested


if __name__ == "__main__":
    sys.exit(main())
