"""Draw the thumbnail of the sample for Slicer's Sample Data module: python3 scripts/draw_thumbnail.py"""

from __future__ import annotations

import sys
from pathlib import Path

from _environment import ROOT, ensure_environment, ensure_sample, environment_python, run
from _sample import sample_image, sample_label

OUTPUT = ROOT / "CAMLocalizer" / "Resources" / "Icons" / "PyradiomicsBrain1.png"
SIDE = 210  # pixels, as the thumbnails of Slicer's own samples
BRIGHTEST = 99.5  # per cent of the voxels are darker


def draw(image: Path, label: Path, output: Path) -> None:
    """Write the slice in which the tumour is largest, as a square picture.

    Args:
        image: the sample's MR volume.
        label: label map of its tumour.
        output: the PNG file.
    """
    import numpy as np
    from PIL import Image

    from CAMLocalizerLib import read_volume
    from CAMLocalizerLib.io import read_label_map

    volume = read_volume(image)
    mask = read_label_map(label).array_kji
    slice_ji = volume.array_kji[int(mask.sum(axis=(1, 2)).argmax())]
    low, high = float(slice_ji.min()), float(np.percentile(slice_ji, BRIGHTEST))
    grey = np.clip((slice_ji - low) / (high - low), 0, 1) * 255
    Image.fromarray(grey.astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(output, optimize=True)
    print(output)


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        python = ensure_environment()
        if problem := ensure_sample(python):
            sys.exit(problem)
        sys.exit(run(python, str(Path(__file__).resolve())))
    draw(sample_image(), sample_label(), OUTPUT)
