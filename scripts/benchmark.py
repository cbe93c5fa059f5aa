"""Time and memory of pyramid maps, of a review or of an archive: scripts/benchmark.py [--interactive | --archive]"""

from __future__ import annotations

import sys

from _environment import ROOT, ensure_environment, run

SCRIPTS = {"--interactive": "_interactive.py", "--archive": "_archive_speed.py"}


def main() -> int:
    """Measure and print a table; ``--help`` names the options."""
    chosen = next((script for flag, script in SCRIPTS.items() if flag in sys.argv[1:]), "_benchmark.py")
    return run(ensure_environment(), str(ROOT / "scripts" / chosen), *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
