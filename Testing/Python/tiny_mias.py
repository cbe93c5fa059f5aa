"""A folder in the layout of the MIAS regions, drawn."""

from __future__ import annotations

import csv
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

HEADER = ("id", "film", "patient_pair", "tissue", "abnormality", "severity", "cx", "cy", "radius")


def write_mias(folder: Path, pairs: int = 12, seed: int = 6) -> Path:
    """Two films per patient: one with a bright disc, one without; every third patient has none."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(seed)
    rows, columns = np.indices((256, 256))
    lines = []
    images, masks = (zipfile.ZipFile(folder / name, "w") for name in ("roi_256.zip", "circle_masks_256.zip"))
    with images, masks:
        for film in range(2 * pairs):
            sick = film % 2 == 0 and film // 2 % 3 != 2
            cx, cy, radius = (int(generator.integers(*limits)) for limits in ((60, 196), (60, 196), (20, 50)))
            disc = sick & ((rows - cy) ** 2 + (columns - cx) ** 2 <= radius**2)
            noise = generator.normal(100, 15, (256, 256)) + 80 * disc
            name = f"mdb{film + 1:03d}_0"
            images.writestr(f"{name}.png", png(noise.clip(0, 255).astype(np.uint8)))
            masks.writestr(f"{name}.png", png(disc))
            lesion = ("CIRC", "B", cx, cy, radius) if sick else ("NORM", "N", "", "", "")
            lines.append((name, name[:6], film // 2 + 1, "G", *lesion))
    with (folder / "rois.csv").open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *lines])
    return folder


def png(pixels: np.ndarray) -> bytes:
    """Encode a picture."""
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()
