"""Runs the command line: ``python -m CAMLocalizerLib``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
