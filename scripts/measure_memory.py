"""Memory that a large CT takes from DICOM files to results: python3 scripts/measure_memory.py"""

from __future__ import annotations

import sys

from _environment import ROOT, ensure_environment, run


def main() -> int:
    """Print the highest memory of each step; ``--help`` names the options."""
    return run(ensure_environment(), str(ROOT / "scripts" / "_memory.py"), *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
