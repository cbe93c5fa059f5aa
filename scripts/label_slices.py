"""Reduce the masks of Brain-Tumor-Progression to one label per slice: python3 scripts/label_slices.py --data DIR

The result, Resources/training/brain-t1ce/slice_labels.csv, is all that training learns of these volumes' tumours:
whether a slice shows one. Masks are read here and in evaluation only.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from _environment import ROOT, ensure_environment, environment_python, run

EVERY = {"axial": 1, "coronal": 8, "sagittal": 8}  # stored slices per slice taken, about 7 mm
LEAST_HEAD_SHARE = 0.08
LEAST_BRIGHTNESS = 0.1
UNCLEAR_BELOW = 4  # voxels of tumour in a reformatted slice: neither label would be honest


def main() -> None:
    """Write the labels."""
    from CAMLocalizerLib.training.brain_data import progression_cases

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with brain3d_btp")
    folder = parser.parse_args().data / "brain3d_btp"
    target = ROOT / "Resources" / "training" / "brain-t1ce" / "slice_labels.csv"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["case", "plane", "slice", "tumour"])
        for case in progression_cases(folder):
            writer.writerows(slice_labels(folder, case))
    print(target)


def slice_labels(folder: Path, case: str) -> list[tuple[str, str, int, int]]:
    """Label the slices of one case in three planes; blank, nearly empty and unclear ones are left out."""
    from CAMLocalizerLib.io import read_volume
    from CAMLocalizerLib.views import plane_axes

    volume, mask = read_volume(folder / f"{case}_T1post.nii.gz"), read_volume(folder / f"{case}_mask.nii.gz")
    highest = volume.array_kji.max()
    rows = []
    for plane, step in EVERY.items():
        axes = plane_axes(volume.grid, plane)
        images, truths = axes.as_slices(volume.array_kji), axes.as_slices(mask.array_kji)
        for index in range(0, len(images), step):
            image, tumour = images[index], int((truths[index] > 0).sum())
            visible = image.max() >= LEAST_BRIGHTNESS * highest and (image > 0.03 * highest).mean() >= LEAST_HEAD_SHARE
            if visible and (plane == "axial" or not 0 < tumour < UNCLEAR_BELOW):
                rows.append((case, plane, index, int(tumour > 0)))
    return rows


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
