"""Time and memory of pyramid maps, or speed of a review: python3 scripts/benchmark.py [--interactive | --worklist]"""

from __future__ import annotations

import sys

from _environment import ROOT, ensure_environment, run


def main() -> int:
    """Measure and print a table; ``--help`` names the options."""
    scripts = {"--interactive": "_interactive.py", "--worklist": "_worklist_speed.py"}
    script = next((scripts[option] for option in sys.argv[1:] if option in scripts), "_benchmark.py")
    return run(ensure_environment(), str(ROOT / "scripts" / script), *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
