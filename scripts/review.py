"""Review the sample volume in the browser: python3 scripts/review.py"""

from __future__ import annotations

import sys

from _environment import ROOT, ensure_environment, run

SAMPLE = ROOT / "Resources" / "SampleData" / "brain-t1ce-sample.nii.gz"
RESULTS = ROOT / "demo" / "review"


def main() -> int:
    """Open the review of the sample; results go to ``demo/review/``, further arguments to ``camlocalizer review``."""
    python = ensure_environment()
    RESULTS.mkdir(parents=True, exist_ok=True)
    return run(python, "-m", "CAMLocalizerLib", "review", str(SAMPLE), "--folder", str(RESULTS), *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
