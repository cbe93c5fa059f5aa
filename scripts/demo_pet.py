"""Simulate an FDG-PET scan and find its tumours from two projections: python3 scripts/demo_pet.py [SEED]"""

from __future__ import annotations

import sys
from pathlib import Path

from _environment import ROOT, ensure_environment, environment_python, run

SEED = 910_001
FOLDER = ROOT / "demo" / "pet"


def main(seed: int) -> int:
    """Write the scan, run the main job on it into ``demo/pet`` and compare with the tumours that were drawn."""
    from CAMLocalizerLib.cli import main as camlocalizer
    from CAMLocalizerLib.io import read_label_map, write_nifti
    from CAMLocalizerLib.metrics import count_lesions, dice
    from reproduction.datasets.simulated_pet.varied import simulate_body

    body = simulate_body(seed, whole=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    scan = FOLDER / f"{body.volume.name}.nii.gz"
    write_nifti(body.volume.array_kji, body.volume.grid, scan)
    options = ["--model", "pet-fdg", "--unit", "SUVbw", "--output", str(FOLDER), "--overwrite"]
    code = camlocalizer(["localize", str(scan), *options])
    if code == 0:
        found = read_label_map(FOLDER / body.volume.name / "labelmap.nii.gz").array_kji
        truth = body.lesions.array_kji > 0
        counts = count_lesions(truth, found)
        print(
            f"Of {counts.lesions} tumours drawn in this simulated body {counts.touched} were touched, with "
            f"{counts.false_components} false components; Dice {dice(truth, found > 0):.2f}"
        )
    return code


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else SEED))
