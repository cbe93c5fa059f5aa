"""Commands interrupted at seeded moments: python3 scripts/interrupt.py --moments 8 --json interrupt.json"""

from __future__ import annotations

import sys

from _environment import ROOT, ensure_environment, run


def main() -> int:
    """Interrupt commands and see that nothing half-written is left; ``--help`` names the options."""
    return run(ensure_environment(), str(ROOT / "scripts" / "_interrupt.py"), *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
