"""A small LIDC-IDRI in its original layout: CT series of DICOM files and an XML of four readers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

STEP_MM, PIXEL_MM, SIDE, SLICES = 2.5, 0.8, 64, 12
FIRST_Z_MM = -100.0
AIR, TISSUE = -850, 50
SAFE = 'xmlns="http://www.nih.gov"'


@dataclass(frozen=True)
class Ball:
    """A nodule: centre in voxels (column, row, slice), radius in pixels, and the rating of each reader."""

    column: int
    row: int
    level: int
    radius: int
    ratings: tuple[int, ...]


def chain(column: int, row: int, radius: int) -> list[tuple[int, int]]:
    """Pixels just outside a disc, as a reader marks them: the border of a disc one pixel larger."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    disc = (columns - column) ** 2 + (rows - row) ** 2
    ring = (disc <= (radius + 1) ** 2) & (disc > radius**2)
    found = np.argwhere(ring)[:, ::-1]
    angles = np.arctan2(found[:, 1] - row, found[:, 0] - column)
    return [tuple(pixel) for pixel in found[np.argsort(angles)].tolist()]


def roi(ball: Ball, level: int, *, shift: int = 0, inclusion: str = "TRUE") -> str:
    edges = "".join(
        f"<edgeMap><xCoord>{x + shift}</xCoord><yCoord>{y}</yCoord></edgeMap>"
        for x, y in chain(ball.column, ball.row, ball.radius)
    )
    z = FIRST_Z_MM + level * STEP_MM
    return f"<roi><imageZposition>{z}</imageZposition><inclusion>{inclusion}</inclusion>{edges}</roi>"


def nodule(ball: Ball, reader: int) -> str:
    rating = ball.ratings[reader]
    rois = "".join(roi(ball, level, shift=reader % 2) for level in (ball.level - 1, ball.level, ball.level + 1))
    traits = f"<characteristics><subtlety>4</subtlety><malignancy>{rating}</malignancy></characteristics>"
    return f"<unblindedReadNodule><noduleID>{reader}-{ball.column}</noduleID>{traits}{rois}</unblindedReadNodule>"


SMALL = (
    "<unblindedReadNodule><noduleID>small</noduleID><roi><imageZposition>-90</imageZposition>"
    "<inclusion>TRUE</inclusion><edgeMap><xCoord>5</xCoord><yCoord>6</yCoord></edgeMap></roi></unblindedReadNodule>"
    "<nonNodule><nonNoduleID>x</nonNoduleID></nonNodule>"
)


def annotation_xml(uid: str, balls: list[Ball]) -> str:
    sessions = "".join(
        "<readingSession><servicingRadiologistID>anonymous</servicingRadiologistID>"
        + "".join(nodule(ball, reader) for ball in balls if reader < len(ball.ratings))
        + SMALL
        + "</readingSession>"
        for reader in range(4)
    )
    header = f"<ResponseHeader><SeriesInstanceUid>{uid}</SeriesInstanceUid></ResponseHeader>"
    return f'<?xml version="1.0" encoding="UTF-8"?><LidcReadMessage {SAFE}>{header}{sessions}</LidcReadMessage>'


def write_scan(root: Path, number: int, balls: list[Ball]) -> str:
    """Write one patient's CT with the balls in it, and the readers' XML beside its slices; return the series' UID."""
    patient = f"LIDC-IDRI-{number:04d}"
    study, uid = generate_uid(entropy_srcs=[patient, "study"]), generate_uid(entropy_srcs=[patient])
    folder = root / patient / study / uid
    folder.mkdir(parents=True)
    levels, rows, columns = np.mgrid[:SLICES, :SIDE, :SIDE]
    hounsfield = np.full(levels.shape, AIR) + np.random.default_rng(number).integers(0, 30, levels.shape)
    for ball in balls:
        inside = (columns - ball.column) ** 2 + (rows - ball.row) ** 2 <= ball.radius**2
        hounsfield[inside & (np.abs(levels - ball.level) <= 1)] = TISSUE
    for k, pixels in enumerate(hounsfield):
        _write_slice(folder / f"1-{SLICES - k:03d}.dcm", pixels, k, patient, study, uid)
    (folder / f"{number:03d}.xml").write_text(annotation_xml(uid, balls))
    return uid


def _write_slice(path: Path, hounsfield: np.ndarray, k: int, patient: str, study: str, uid: str) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[uid, str(k)])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    header.SOPClassUID, header.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    header.StudyInstanceUID, header.SeriesInstanceUID = study, uid
    header.Modality, header.PatientID, header.InstanceNumber = "CT", patient, SLICES - k
    header.ImagePositionPatient = [-20.0, -30.0, FIRST_Z_MM + k * STEP_MM]
    header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    header.PixelSpacing, header.SliceThickness = [PIXEL_MM, PIXEL_MM], STEP_MM
    header.Rows, header.Columns = hounsfield.shape
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 16, 15, 0
    header.RescaleSlope, header.RescaleIntercept = 1, -1024
    header.PixelData = (hounsfield + 1024).astype("<u2").tobytes()
    pydicom.dcmwrite(path, header)
