"""Find the tumour in the sample volume: python3 scripts/demo.py"""

from __future__ import annotations

import sys

from _environment import ROOT, ensure_environment, run

SAMPLE = ROOT / "Resources" / "SampleData" / "brain-t1ce-sample.nii.gz"


def main() -> int:
    """Run the main job on the sample into ``demo/``; further arguments go to ``camlocalizer localize``."""
    command = ["-m", "CAMLocalizerLib", "localize", str(SAMPLE), "--model", "brain-t1ce", "--output", "demo"]
    return run(ensure_environment(), *command, "--overwrite", *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
