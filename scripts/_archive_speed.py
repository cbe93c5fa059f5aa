"""Speed and memory of a DICOMweb archive against local files: python3 scripts/benchmark.py --archive [--json FILE]"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import _peers

sys.path.insert(0, str(_peers.ROOT / "CAMLocalizer"))

import numpy as np
import pydicom
import torch
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from _benchmark import resident_mb
from _orthanc import PASSWORD, USER, Orthanc, orthanc_problem
from _rounds import in_turns, ratio
from _synthetic import head_volume, random_bundle
from CAMLocalizerLib.archive import credentials
from CAMLocalizerLib.archive.address import ArchiveAddress
from CAMLocalizerLib.archive.client import Archive
from CAMLocalizerLib.archive.request import StudyOptions
from CAMLocalizerLib.archive.study import StudyRunner
from CAMLocalizerLib.cases.loop import CaseInput, in_this_process, localize_cases, open_localizer
from CAMLocalizerLib.core import Grid
from CAMLocalizerLib.localizer import LabelSettings, RunOptions

ARCHIVE, FILES = "through Orthanc", "local files"
LEAST_SPEED, MOST_GROWTH_MB = 0.8, 50.0
SETTLED = 0.25  # share of the cases after which memory is taken for settled
STORE = StudyOptions(store=True, again=True)
MEMORY_NETWORK = {"channels": [4, 4, 4, 4]}


def write_study(folder: Path, seed: int, *, slices: int, side: int) -> str:
    """Write an ellipsoid with a bright ball as a series of T1 after contrast; return the StudyInstanceUID."""
    folder.mkdir(parents=True)
    uids = tuple(generate_uid(entropy_srcs=[str(folder), kind]) for kind in ("study", "series", "frame"))
    volume = head_volume(slices, side, seed=seed)
    for k, pixels in enumerate(volume.array_kji):
        _write_slice(folder / f"{k:03}.dcm", (10 * pixels).astype("<u2"), k, volume.grid, uids)
    return uids[0]


def _write_slice(path: Path, pixels: np.ndarray, k: int, grid: Grid, uids: tuple[str, ...]) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = MRImageStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[*uids, str(k)])
    image = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID, image.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = uids
    image.Modality, image.SeriesDescription, image.SeriesNumber = "MR", "AX T1 POST", 3
    image.PatientID = image.PatientName = "Phantom"
    image.PatientBirthDate = image.PatientSex = image.StudyID = image.AccessionNumber = ""
    image.StudyDate, image.StudyTime, image.ReferringPhysicianName = "20260101", "120000", ""
    image.ImagePositionPatient, image.ImageOrientationPatient = list(grid.to_lps((0, 0, k))), [1, 0, 0, 0, 1, 0]
    image.PixelSpacing, image.SliceThickness, image.InstanceNumber = [grid.spacing_mm[0]] * 2, grid.spacing_mm[2], k + 1
    image.Rows, image.Columns = pixels.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
    image.PixelData = pixels.tobytes()
    pydicom.dcmwrite(path, image)


class Setting:
    """A model, a running archive, and the same studies in both places."""

    def __init__(self, server: Orthanc, folder: Path, model: str, *, studies: int, slices: int, side: int) -> None:
        self.folder = folder
        self.options = RunOptions(model=model, device="cpu", exports=("dicom-seg", "dicom-sr"))
        self.localizer = open_localizer(self.options, LabelSettings())
        self.places: dict[str, Path] = {}
        for seed in range(studies):
            place = folder / "files" / f"{seed:03}"
            self.places[write_study(place, seed, slices=slices, side=side)] = place
            server.upload(sorted(place.iterdir()))
        archive = Archive(ArchiveAddress.parse(server.address))
        self.runner = StudyRunner(archive, self.localizer, self.options, LabelSettings(), STORE)

    def through_archive(self) -> Iterator[None]:
        """Fetch, localise and send one study after the other."""
        for study in self.places:
            outcome = self.runner.run(study, self.folder / "out" / "case")
            yield self._done(outcome.error)

    def from_files(self) -> Iterator[None]:
        """Localise in the files of one study after the other."""
        infer = in_this_process(self.localizer, self.options, LabelSettings())
        for place in self.places.values():
            case = CaseInput(place, self.folder / "out" / "case")
            for outcome in localize_cases([case], infer, self.options, LabelSettings()):
                yield self._done(outcome.error)

    def _done(self, error: Exception | None) -> None:
        if error is not None:
            raise SystemExit(f"The measurement failed: {error}")
        shutil.rmtree(self.folder / "out")


def measure_speed(setting: Setting, rounds: int) -> dict[str, Any]:
    """Studies per minute both ways, each study once this way and once that, and the median of their ratios."""
    next(setting.from_files())  # warms up
    runs = {
        ARCHIVE: chain.from_iterable(setting.through_archive() for _ in range(rounds)),
        FILES: chain.from_iterable(setting.from_files() for _ in range(rounds)),
    }
    seconds = in_turns({name: partial(next, run) for name, run in runs.items()}, rounds * len(setting.places))
    return {
        "studies_per_minute": {name: 60 / statistics.median(taken) for name, taken in seconds.items()},
        "speed_ratio": ratio(seconds, FILES, ARCHIVE),
    }


def measure_memory(setting: Setting) -> dict[str, Any]:
    """Resident memory after each case; its growth from where it has settled."""
    resident = [resident_mb(peak=False) for _ in setting.through_archive()]
    settled = resident[int(SETTLED * len(resident)) :]
    return {"cases": len(resident), "settled_mb": settled[0], "growth_mb": max(settled) - settled[0]}


def limit_lines(found: dict[str, Any]) -> list[str]:
    """Say of each limit whether it is met."""
    speed, growth = found["speed"]["speed_ratio"], found["memory"]["growth_mb"]
    return [
        f"{'met   ' if speed >= LEAST_SPEED else 'MISSED'} speed ratio {speed:.2f} (at least {LEAST_SPEED:g})",
        f"{'met   ' if growth <= MOST_GROWTH_MB else 'MISSED'} growth of memory {growth:.0f} MB over "
        f"{found['memory']['cases']} cases (at most {MOST_GROWTH_MB:g})",
    ]


def figures(options: argparse.Namespace) -> dict[str, Any]:
    """Measure everything."""
    os.environ |= {credentials.USER: USER, credentials.PASSWORD: PASSWORD}
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder, Orthanc(Path(folder) / "server") as server:
        place = Path(folder)
        real = Setting(server, place / "speed", options.model, studies=options.studies, slices=24, side=256)
        speed = measure_speed(real, options.rounds)
        tiny = random_bundle(place / "tiny", MEMORY_NETWORK, size=24, spacing_mm=9.0)
        small = Setting(server, place / "memory", str(tiny.folder), studies=options.cases, slices=5, side=24)
        memory = measure_memory(small)
    return {
        "speed": speed,
        "memory": memory,
        "model": options.model,
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write; the exit code is 1 when a limit is missed."""
    parser = argparse.ArgumentParser(prog="benchmark.py --archive", description=__doc__)
    parser.add_argument("--archive", action="store_true", help="measure an archive (this)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--model", default="brain-t1ce", help="for the speed (%(default)s)")
    parser.add_argument("--studies", type=int, default=8, help="for the speed (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of both ways (%(default)s)")
    parser.add_argument("--cases", type=int, default=200, help="for the memory (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of torch (%(default)s)")
    options = parser.parse_args(arguments)
    if problem := orthanc_problem():
        raise SystemExit(problem)
    found = figures(options)
    for name, count in found["speed"]["studies_per_minute"].items():
        print(f"{name:20}{count:8.1f} studies a minute (24 slices of 256 x 256, {options.model})")
    print("", *limit_lines(found), sep="\n")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return int(any(line.startswith("MISSED") for line in limit_lines(found)))


if __name__ == "__main__":
    sys.exit(main())
