"""Readers, bundle loader and segmentation reader on damaged inputs: python3 scripts/fuzz.py --minutes 10 --seed 1"""

from __future__ import annotations

import sys

from _environment import ROOT, ensure_environment, run


def main() -> int:
    """Damage inputs and see what becomes of them; ``--help`` names the options."""
    return run(ensure_environment(), str(ROOT / "scripts" / "_fuzz.py"), *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
