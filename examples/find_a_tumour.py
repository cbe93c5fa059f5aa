"""Find a tumour in a volume and compare thresholds: python examples/find_a_tumour.py [VOLUME] [--output DIR]

Without VOLUME, a synthetic head with a bright tumour is used.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from CAMLocalizerLib import Grid, Localizer, Volume, load_model, read_volume
from CAMLocalizerLib.io import write_label_map
from CAMLocalizerLib.metrics import dice

GRID = Grid(size=(96, 96, 9), spacing_mm=(2.0, 2.0, 6.0), origin_mm=(-95.0, -95.0, 0.0), direction=np.eye(3))


def synthetic_head() -> tuple[Volume, np.ndarray]:
    """Return an ellipsoid of noise with a bright sphere in it, and the mask of the sphere."""
    k, j, i = np.indices(GRID.shape_kji)
    x, y, z = (i - 47.5) * 2.0, (j - 47.5) * 2.0, (k - 4.0) * 6.0
    head = (x / 70) ** 2 + (y / 85) ** 2 + (z / 60) ** 2 < 1
    tumour = (x - 30) ** 2 + (y + 15) ** 2 + z**2 < 17**2
    noise = np.random.default_rng(0).normal(0, 8, GRID.shape_kji)
    array = np.where(head, 100.0, 0.0) + np.where(tumour, 120.0, 0.0) + noise * head
    return Volume(array.astype(np.float32), GRID, name="synthetic head"), tumour


def main(arguments: list[str] | None = None) -> None:
    """Run ``brain-t1ce`` once, then make label maps with several thresholds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("volume", nargs="?", type=Path, help="NRRD, NIfTI, MetaImage or DICOM folder")
    parser.add_argument("--output", type=Path, help="folder for the label map")
    options = parser.parse_args(arguments)

    tumour = None
    if options.volume:
        volume = read_volume(options.volume)
    else:
        volume, tumour = synthetic_head()

    found = Localizer(load_model("brain-t1ce"), device="cpu").run(volume)
    print(f"probability of a tumour: {found.volume_probability:.2f}")

    activation = found.activation()  # evidence for a tumour at each voxel, 0 to 1
    for threshold in (0.3, 0.5, 0.7):
        mask = activation >= threshold
        agreement = "" if tumour is None else f", Dice {dice(tumour, mask):.2f}"
        print(f"threshold {threshold}: {mask.sum() * volume.grid.voxel_volume_mm3 / 1000:.1f} ml{agreement}")

    label_map = found.label_map()  # with the settings of the model
    for component in found.components(label_map):
        print(f"component {component.label}: {component.volume_mm3 / 1000:.1f} ml at {component.centre_lps_mm} mm LPS")
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        write_label_map(label_map, options.output / "labelmap.nii.gz")


if __name__ == "__main__":
    main()
