"""Simulate an FDG-PET scan and find its tumour from two projections: python3 scripts/demo_pet.py [SEED]"""

from __future__ import annotations

import sys
from pathlib import Path

from _environment import ROOT, ensure_environment, environment_python, run

SEED = 600_001
FOLDER = ROOT / "demo" / "pet"


def main(seed: int) -> int:
    """Write the scan, run the main job on it into ``demo/pet`` and compare with the tumour that was drawn."""
    from CAMLocalizerLib import read_volume
    from CAMLocalizerLib.cli import main as camlocalizer
    from CAMLocalizerLib.io import write_nifti
    from CAMLocalizerLib.metrics import dice
    from CAMLocalizerLib.training.simulated_pet import CLASSES, simulate

    case = simulate(seed)
    FOLDER.mkdir(parents=True, exist_ok=True)
    scan = FOLDER / f"{case.volume.name}.nii.gz"
    write_nifti(case.volume.array_kji, case.volume.grid, scan)
    code = camlocalizer(["localize", str(scan), "--model", "pet-fdg", "--output", str(FOLDER), "--overwrite"])
    if code == 0:
        found = read_volume(FOLDER / case.volume.name / "labelmap.nii.gz").array_kji
        truth = case.truth.array_kji
        print(f"The tumour drawn in this simulated body: {CLASSES[case.label]}, Dice {dice(truth, found):.2f}")
    return code


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else SEED))
