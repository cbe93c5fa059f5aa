"""Time and memory of maps, or speed of review, worklist or archive: benchmark.py [--interactive, --worklist, ...]"""

from __future__ import annotations

import sys

from _environment import ROOT, ensure_environment, run

SCRIPTS = {
    "--interactive": "_interactive.py",
    "--worklist": "_worklist_speed.py",
    "--archive": "_archive_speed.py",
}


def main() -> int:
    """Measure and print a table; ``--help`` names the options."""
    chosen = next((script for flag, script in SCRIPTS.items() if flag in sys.argv[1:]), "_benchmark.py")
    return run(ensure_environment(), str(ROOT / "scripts" / chosen), *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
