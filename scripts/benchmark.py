"""Time and memory of pyramid maps, or speed of a review: python3 scripts/benchmark.py [--interactive]"""

from __future__ import annotations

import sys

from _environment import ROOT, ensure_environment, run


def main() -> int:
    """Measure and print a table; ``--help`` names the options."""
    script = "_interactive.py" if "--interactive" in sys.argv[1:] else "_benchmark.py"
    return run(ensure_environment(), str(ROOT / "scripts" / script), *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
