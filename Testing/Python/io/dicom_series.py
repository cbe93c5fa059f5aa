"""DICOM series written on the fly."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from CAMLocalizerLib.core import Grid

SOP_CLASSES = {"MR": "1.2.840.10008.5.1.4.1.1.4", "PT": "1.2.840.10008.5.1.4.1.1.128"}
PatchHeader = Callable[[Dataset, int], None]


def write_series(
    folder: Path,
    stored: np.ndarray,
    grid: Grid,
    *,
    modality: str = "MR",
    uid: str = "",
    patch: PatchHeader = lambda header, k: None,
) -> None:
    """Write one DICOM file per slice of ``stored`` (uint16, shape kji), names in no order, ``patch`` applied last."""
    uid = uid or generate_uid(entropy_srcs=[str(folder)])
    folder.mkdir(parents=True, exist_ok=True)
    for k, pixels in enumerate(stored):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = SOP_CLASSES[modality]
        meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[uid, str(k)])
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        header = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        header.SOPClassUID, header.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        header.SeriesInstanceUID, header.StudyInstanceUID, header.SeriesNumber = uid, "1.2.3", 7
        header.Modality, header.PatientName, header.PatientID = modality, "Secret^Name", "SecretID"
        header.ImagePositionPatient = [f"{value:.6f}" for value in grid.to_lps((0, 0, k))]
        header.ImageOrientationPatient = [f"{value:.9f}" for value in grid.direction[:, :2].T.ravel()]
        header.PixelSpacing = [grid.spacing_mm[1], grid.spacing_mm[0]]
        header.SliceThickness, header.InstanceNumber = grid.spacing_mm[2], k + 1
        header.Rows, header.Columns = pixels.shape
        header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
        header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 16, 15, 0
        header.RescaleSlope, header.RescaleIntercept = 1, 0
        header.PixelData = pixels.astype("<u2").tobytes()
        patch(header, k)
        pydicom.dcmwrite(folder / f"{(k * 7) % 31:02d}_{k}.dcm", header)


def pet_tags(header: Dataset, k: int) -> None:
    """Add what SUV needs: 70 kg, 100 MBq an hour before the scan, half-life of an hour: 50 MBq left."""
    tracer = Dataset()
    tracer.RadionuclideTotalDose, tracer.RadionuclideHalfLife = 1e8, 3600
    tracer.RadiopharmaceuticalStartTime = "090000"
    header.RadiopharmaceuticalInformationSequence = [tracer]
    header.Units, header.DecayCorrection, header.CorrectedImage = "BQML", "START", ["ATTN", "DECY", "SCAT"]
    header.PatientWeight = 70
    header.SeriesDate = header.AcquisitionDate = "20240105"
    header.SeriesTime, header.AcquisitionTime = "100000", f"10{k:02d}00.500"


def referable(header: Dataset, k: int) -> None:
    """Add what a result that refers to the series needs."""
    header.FrameOfReferenceUID = "1.2.3.4"
    header.StudyDate, header.StudyTime, header.StudyID, header.AccessionNumber = "20240105", "100000", "S1", "A1"
    header.PatientBirthDate, header.PatientSex, header.ReferringPhysicianName = "19500101", "F", "Doctor^A"


def write_multi_frame(folder: Path, stored: np.ndarray, grid: Grid, order: list[int], *, shared: bool = True) -> None:
    """Write slices as frames of one enhanced MR image, frame n being slice ``order[n]``."""

    def enhance(header: Dataset, k: int) -> None:
        referable(header, k)
        header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
        header.NumberOfFrames, header.PixelData = len(order), stored[order].astype("<u2").tobytes()
        turn, measures = Dataset(), Dataset()
        turn.ImageOrientationPatient, measures.PixelSpacing = header.ImageOrientationPatient, header.PixelSpacing
        measures.SliceThickness = header.SliceThickness
        common = Dataset()
        common.PlaneOrientationSequence, common.PixelMeasuresSequence = [turn], [measures]
        header.SharedFunctionalGroupsSequence = [common if shared else Dataset()]
        header.PerFrameFunctionalGroupsSequence = [_frame(grid, index, None if shared else common) for index in order]
        del header.ImagePositionPatient, header.ImageOrientationPatient, header.PixelSpacing

    write_series(folder, stored[:1], grid, patch=enhance)


def _frame(grid: Grid, k: int, common: Dataset | None) -> Dataset:
    frame, place = Dataset(), Dataset()
    place.ImagePositionPatient = [f"{value:.6f}" for value in grid.to_lps((0, 0, k))]
    frame.PlanePositionSequence = [place]
    if common is not None:
        frame.update(common)
    return frame


def complaints(path: Path) -> list[str]:
    """Return the errors that dciodvfy finds in a file; skips the test where there is no dciodvfy."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    told = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    return [line for line in (told.stdout + told.stderr).splitlines() if line.startswith("Error")]
