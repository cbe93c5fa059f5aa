"""Review the sample volume in the browser: python3 scripts/review.py"""

from __future__ import annotations

import sys

from _environment import ENVIRONMENT, ROOT, ensure_environment, ensure_sample, run
from _sample import sample_image

RESULTS = ROOT / "demo" / "review"


def main() -> int:
    """Open the review of the sample; results go to ``demo/review/``, further arguments to ``camlocalizer review``."""
    python = ensure_environment()
    if problem := ensure_sample(python):
        sys.exit(problem)
    RESULTS.mkdir(parents=True, exist_ok=True)
    sample = str(sample_image(ENVIRONMENT))
    return run(python, "-m", "CAMLocalizerLib", "review", sample, "--folder", str(RESULTS), *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
