"""Small valid inputs of every kind that is read, and ways to damage them."""

from __future__ import annotations

import copy
import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless, generate_uid

from CAMLocalizerLib.core import Grid, LabelMap
from CAMLocalizerLib.io import (
    read_dicom_source,
    write_dicom_seg,
    write_dicom_seg_fractional,
    write_nifti,
    write_segmentation,
)
from CAMLocalizerLib.models import model_folders

GRID = Grid((8, 9, 5), (1.0, 1.5, 2.0), (-10.0, 5.0, 30.0), np.eye(3))
MR, PT = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.128"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
NUMBERS = (0, 1, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
TEXTS = (
    "",
    "0",
    "-1",
    "nan",
    "inf",
    "1e308",
    "99999999999",
    "a",
    "\\",
    "1\\2\\3",
    "20240231",
    "250000",
    "+9999",
    "ü" * 70,
)


def make_samples(folder: Path) -> dict[str, Path]:
    """Write one valid input of every kind; returns the file or folder of each by name."""
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    array = rng.integers(0, 900, GRID.shape_kji).astype(np.uint16)
    labels = np.zeros(GRID.shape_kji, np.uint8)
    labels[1:3, 2:5, 2:6], labels[3:4, 2:5, 2:6] = 1, 2
    found = _plain_files(folder, array, labels)
    found |= _dicom_files(folder, array, labels)
    source = next(place / "pet-fdg" for place in model_folders() if (place / "pet-fdg").is_dir())
    shutil.copytree(source, folder / "bundle")
    return found | {"bundle": folder / "bundle"}


def _plain_files(folder: Path, array: np.ndarray, labels: np.ndarray) -> dict[str, Path]:
    import nibabel
    import SimpleITK
    from PIL import Image

    image = SimpleITK.GetImageFromArray(array)
    for name in ("a.nrrd", "a.mha", "a.mhd", "a.nhdr"):
        SimpleITK.WriteImage(image, str(folder / name), useCompression="d" not in name)
    write_nifti(array, GRID, folder / "a.nii")
    write_nifti(array, GRID, folder / "a.nii.gz")
    nibabel.Nifti2Image(array.T, np.diag([-1.0, -1, 2, 1])).to_filename(folder / "two.nii")
    nibabel.Nifti1Pair(array.T, np.diag([-1.0, -1, 2, 1])).to_filename(folder / "pair.hdr")
    nibabel.MGHImage(array.T.astype(np.int16), np.diag([-1.0, -1, 2, 1])).to_filename(folder / "free.mgh")
    for name in ("a.png", "a.tif", "a.jpg"):
        Image.fromarray((array[0] // 4).astype(np.uint8)).save(folder / name)
    write_segmentation(LabelMap(labels, GRID, ("A", "B")), folder / "a.seg.nrrd")
    names = (
        "a.nrrd",
        "a.mha",
        "a.mhd",
        "a.nhdr",
        "a.nii",
        "a.nii.gz",
        "two.nii",
        "pair.hdr",
        "free.mgh",
        "a.png",
        "a.tif",
        "a.jpg",
    )
    return {name: folder / name for name in (*names, "a.seg.nrrd")}


def _dicom_files(folder: Path, array: np.ndarray, labels: np.ndarray) -> dict[str, Path]:
    found = {}
    for name, syntax in (
        ("mr", ExplicitVRLittleEndian),
        ("rle", RLELossless),
        ("deflated", DeflatedExplicitVRLittleEndian),
    ):
        found[name] = write_series(folder / name, array, MR, syntax)
    found["pet"] = write_series(folder / "pet", array, PT, ExplicitVRLittleEndian, pet=True)
    found["enhanced"] = _write_enhanced(folder / "enhanced", array, folder / "mr")
    found["slice.dcm"] = next(iter(sorted((folder / "mr").iterdir())))
    source = read_dicom_source(folder / "mr")
    assert source is not None
    made = {"algorithm_name": "fuzz", "algorithm_version": "1"}
    write_dicom_seg(LabelMap(labels, source.grid, ("A", "B")), source, folder / "seg.dcm", **made)
    write_dicom_seg_fractional(labels / np.float32(2), source.grid, source, folder / "fractional.dcm", **made)
    _write_labelmap_seg(folder, labels)
    return found | {name: folder / name for name in ("seg.dcm", "fractional.dcm", "labelmap.dcm")}


def write_series(folder: Path, array: np.ndarray, sop: str, syntax: str, *, pet: bool = False) -> Path:
    """Write a classic series, one file per slice."""
    folder.mkdir()
    series, study, frame = generate_uid(), generate_uid(), generate_uid()
    for k, pixels in enumerate(array):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        header = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        header.SOPClassUID, header.SOPInstanceUID = sop, meta.MediaStorageSOPInstanceUID
        header.SeriesInstanceUID, header.StudyInstanceUID, header.FrameOfReferenceUID = series, study, frame
        header.Modality, header.PatientName, header.PatientID = "PT" if pet else "MR", "Fuzz", "F"
        header.PatientBirthDate, header.PatientSex, header.StudyID, header.AccessionNumber = "", "O", "1", "1"
        header.ReferringPhysicianName, header.SeriesNumber, header.InstanceNumber = "", 1, k + 1
        for what in ("Study", "Series", "Acquisition"):
            setattr(header, f"{what}Date", "20240105")
            setattr(header, f"{what}Time", "100000")
        header.ImagePositionPatient = [float(value) for value in GRID.to_lps((0, 0, k))]
        header.ImageOrientationPatient, header.PixelSpacing = [1, 0, 0, 0, 1, 0], [1.5, 1.0]
        header.SliceThickness, header.Rows, header.Columns = 2, *pixels.shape
        header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
        header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 16, 15, 0
        header.RescaleSlope, header.RescaleIntercept, header.PixelData = 1, 0, pixels.astype("<u2").tobytes()
        if pet:
            _add_tracer(header)
        if syntax == RLELossless:
            header.compress(RLELossless)
        header.file_meta.TransferSyntaxUID = syntax
        header.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return folder


def _add_tracer(header: Dataset) -> None:
    tracer = Dataset()
    tracer.RadionuclideTotalDose, tracer.RadionuclideHalfLife = 3.7e8, 6586.2
    tracer.RadiopharmaceuticalStartTime, tracer.RadiopharmaceuticalStartDateTime = "090000", "20240105090000"
    header.RadiopharmaceuticalInformationSequence = [tracer]
    header.Units, header.DecayCorrection, header.CorrectedImage = "BQML", "START", ["ATTN", "DECY"]
    header.PatientWeight, header.TimezoneOffsetFromUTC, header.ActualFrameDuration = 70, "+0100", 60000


def _write_enhanced(folder: Path, array: np.ndarray, series: Path) -> Path:
    folder.mkdir()
    header = dcmread(sorted(series.iterdir())[0])
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = ENHANCED_MR
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    header.NumberOfFrames, header.PixelData = len(array), array.astype("<u2").tobytes()
    turn, measures, shared = Dataset(), Dataset(), Dataset()
    turn.ImageOrientationPatient, measures.PixelSpacing = header.ImageOrientationPatient, header.PixelSpacing
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [turn], [measures]
    header.SharedFunctionalGroupsSequence, frames = [shared], []
    for k in range(len(array)):
        frame, place, scale = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [float(value) for value in GRID.to_lps((0, 0, k))]
        scale.RescaleSlope, scale.RescaleIntercept = 1, 0
        frame.PlanePositionSequence, frame.PixelValueTransformationSequence = [place], [scale]
        frames.append(frame)
    header.PerFrameFunctionalGroupsSequence = frames
    del header.ImagePositionPatient, header.ImageOrientationPatient, header.PixelSpacing
    header.save_as(folder / "a.dcm")
    return folder


def _write_labelmap_seg(folder: Path, labels: np.ndarray) -> None:
    """Turn the written BINARY segmentation into one of type LABELMAP (Supplement 243)."""
    header = dcmread(folder / "seg.dcm")
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.7"
    header.SegmentationType, header.BitsAllocated, header.BitsStored, header.HighBit = "LABELMAP", 8, 8, 7
    first = header.PerFrameFunctionalGroupsSequence[0]
    frames = []
    for k in range(len(labels)):
        frame = copy.deepcopy(first)
        frame.PlanePositionSequence[0].ImagePositionPatient = [float(value) for value in GRID.to_lps((0, 0, k))]
        frames.append(frame)
    header.PerFrameFunctionalGroupsSequence, header.NumberOfFrames = frames, len(frames)
    header.PixelData = labels.tobytes()
    header.save_as(folder / "labelmap.dcm")


def damage(path: Path, rng: np.random.Generator) -> None:
    """Damage a file, or one file of a folder, in one to three ways."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        path = files[int(rng.integers(len(files)))]
        if rng.random() < 0.1:
            shutil.copy(path, path.with_name(f"copy-{path.name}"))
    for _ in range(int(rng.integers(1, 4))):
        if path.suffix == ".dcm" and rng.random() < 0.6:
            _damage_dataset(path, rng)
        elif path.suffix == ".json" and rng.random() < 0.6:
            _damage_json(path, rng)
        else:
            _damage_bytes(path, rng)


def _damage_bytes(path: Path, rng: np.random.Generator) -> None:
    data = bytearray(path.read_bytes())
    if not data:
        return
    near = min(len(data), 600) if rng.random() < 0.7 else len(data)  # most of what matters is in the header
    place = int(rng.integers(near))
    ways: tuple[Callable[[], None], ...] = (
        lambda: data.__setitem__(place, int(rng.integers(256))),
        lambda: data.__setitem__(place, data[place] ^ (1 << int(rng.integers(8)))),
        lambda: data.__setitem__(slice(place, place + 4), int(rng.choice(NUMBERS)).to_bytes(4, "little")),
        lambda: data.__delitem__(slice(place, place + int(rng.integers(1, 64)))),
        lambda: data.__setitem__(slice(place, place), rng.bytes(int(rng.integers(1, 64)))),
        lambda: data.__setitem__(slice(place, place), str(rng.choice(TEXTS)).encode()),
        lambda: data.__delitem__(slice(place, None)),
        lambda: data.__setitem__(slice(place, place + 40), data[: len(data[place : place + 40])]),
    )
    ways[int(rng.integers(len(ways)))]()
    path.write_bytes(bytes(data))


def _damage_dataset(path: Path, rng: np.random.Generator) -> None:
    """Delete, empty or change an attribute at any depth; what pydicom cannot write is damaged by bytes."""
    try:
        header = dcmread(path, force=True)
        place = header
        while True:
            elements = [element for element in place if element.keyword]
            element = elements[int(rng.integers(len(elements)))]
            if element.VR != "SQ" or not element.value or rng.random() < 0.3:
                break
            place = element.value[int(rng.integers(len(element.value)))]
        way = rng.random()
        if way < 0.35:
            del place[element.tag]
        elif way < 0.5:
            element.value = None
        elif element.VR == "SQ":
            element.value = list(element.value) * 2 if way < 0.75 else []
        elif isinstance(element.value, int):
            element.value = int(rng.choice(NUMBERS)) & 0xFFFF
        else:
            element._value = str(rng.choice(TEXTS))
        header.save_as(path)
    except Exception:
        _damage_bytes(path, rng)


def _damage_json(path: Path, rng: np.random.Generator) -> None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        name = str(rng.choice(list(values)))
    except (ValueError, TypeError, UnicodeDecodeError):
        return _damage_bytes(path, rng)
    strange = (None, [], {}, -1, 0, 1e308, "", "a", [None], {"a": []}, True, [[1, 2], 3], "../x", 10**30)
    if rng.random() < 0.3:
        del values[name]
    else:
        values[name] = strange[int(rng.integers(len(strange)))]
    path.write_text(json.dumps(values), encoding="utf-8")
    return None
