"""Time and memory of pyramid maps against a forward pass and other libraries: python3 scripts/benchmark.py"""

from __future__ import annotations

import sys

from _environment import ROOT, ensure_environment, run


def main() -> int:
    """Measure and print a table; ``--help`` names the options."""
    return run(ensure_environment(), str(ROOT / "scripts" / "_benchmark.py"), *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
