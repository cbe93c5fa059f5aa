"""Check style, format, types and documentation: python3 scripts/lint.py [--fix]"""

from __future__ import annotations

import os
import sys

from _environment import ensure_environment, run


def main(fix: bool) -> int:
    """Run every check and return 0 if all pass; with ``fix`` repair what can be repaired first."""
    python = ensure_environment()
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")
    checks = [
        ("-m", "ruff", "check", *(["--fix"] if fix else [])),
        ("-m", "ruff", "format", *([] if fix else ["--check"])),
        ("-m", "mypy"),
        ("-m", "mkdocs", "--quiet", "build", "--strict"),
    ]
    return max(run(python, *check) for check in checks)


if __name__ == "__main__":
    sys.exit(main("--fix" in sys.argv[1:]))
