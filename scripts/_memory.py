"""Writes a large series with three bright balls and measures the memory of commands that read it, on Linux or macOS."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SIDE = 512
PIXEL_MM, SLICE_MM = 0.7, 1.0
RADIUS_MM = 28.8  # 100 ml
BALLS = ((0.2, 170, 200), (0.5, 256, 256), (0.8, 340, 300))  # share of the slices, row, column
MIB = 1 << 20
READ = "import sys; from CAMLocalizerLib.io import read_volume; read_volume(sys.argv[1])"


def slices(count: int, seed: int) -> Iterator[NDArray[np.uint16]]:
    """Make the pixels of a noisy cylinder with three balls, slice by slice."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:SIDE, :SIDE]
    body = (row - SIDE / 2) ** 2 + (column - SIDE / 2) ** 2 < (0.42 * SIDE) ** 2
    for number in range(count):
        pixels = np.where(body, 1040, 24) + rng.integers(0, 40, (SIDE, SIDE))
        for share, y, x in BALLS:
            across_mm2 = ((row - y) ** 2 + (column - x) ** 2) * PIXEL_MM**2
            pixels[across_mm2 + ((number - share * count) * SLICE_MM) ** 2 < RADIUS_MM**2] += 300
        yield pixels.astype(np.uint16)


def write_series(folder: Path, count: int, seed: int) -> None:
    """Write a CT of that many slices as DICOM files."""
    folder.mkdir()
    series, study = generate_uid(), generate_uid()
    for number, pixels in enumerate(slices(count, seed)):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        image.SOPClassUID, image.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        image.StudyInstanceUID, image.SeriesInstanceUID, image.Modality = study, series, "CT"
        image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        image.ImagePositionPatient, image.ImageOrientationPatient = [0, 0, number * SLICE_MM], [1, 0, 0, 0, 1, 0]
        image.PixelSpacing, image.SliceThickness, image.InstanceNumber = [PIXEL_MM] * 2, SLICE_MM, number + 1
        image.Rows = image.Columns = SIDE
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
        image.RescaleSlope, image.RescaleIntercept = 1, -1024
        image.PixelData = pixels.tobytes()
        pydicom.dcmwrite(folder / f"{number:04}.dcm", image)


def peak_mib(command: list[str]) -> float:
    """Run a command; return the highest resident memory of its process in MiB."""
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss / (MIB if sys.platform == "darwin" else 1024)


def volume_of_label_map_ml(case: Path) -> float:
    """Return the volume of the components that a case's report lists."""
    report = json.loads((case / "report.json").read_text())
    return sum(entry["volume_mm3"] for entry in report["components"]) / 1000


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threshold", default="0.5", help="of the fused map, so that the balls are outlined")
    options = parser.parse_args()
    volume_mib = 4 * options.slices * SIDE**2 / MIB
    print(f"| step | MiB | volume as float32 ({volume_mib:.0f} MiB) | outlined, ml |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        series, out = Path(folder) / "series", Path(folder) / "out"
        write_series(series, options.slices, options.seed)
        read = peak_mib([sys.executable, "-c", READ, str(series)])
        print(f"| reading the DICOM files | {read:.0f} | {read / volume_mib:.1f} | |", flush=True)
        for refinement in ("none", "random-walk"):
            settings = ["--refine", refinement, "--threshold", options.threshold, "--probability-limit", "0"]
            command = [sys.executable, "-m", "CAMLocalizerLib", "localize", str(series), "--device", "cpu"]
            taken = peak_mib([*command, "--output", str(out / refinement), *settings])
            found = volume_of_label_map_ml(out / refinement / "series")
            shares = f"{taken:.0f} | {taken / volume_mib:.1f} | {found:.0f}"
            print(f"| `localize --refine {refinement}` | {shares} |", flush=True)


if __name__ == "__main__":
    main()
