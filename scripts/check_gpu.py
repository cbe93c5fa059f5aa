"""Check CAMLocalizer on a CUDA card: python3 scripts/check_gpu.py [--json FILE]

Runs with the Python that calls it, which needs torch, numpy, scipy and safetensors; the package is taken from the
checkout. What needs SimpleITK or Lightning is left out, and said so, where they are missing.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "CAMLocalizer"))

from _check_gpu import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
