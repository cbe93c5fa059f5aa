"""Table of supported and unsupported inputs, which the tests check and docs/what-is-read.md is generated from.

``python Testing/Python/io/readable_kinds.py`` regenerates the page.
"""

from __future__ import annotations

import copy
import gzip
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import SimpleITK
from dicom_series import pet_tags, referable, write_multi_frame, write_series
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from CAMLocalizerLib.core import Grid, LabelMap
from CAMLocalizerLib.io import read_dicom_source, write_dicom_seg, write_nifti, write_segmentation

PAGE = Path(__file__).parents[3] / "docs" / "what-is-read.md"
GRID = Grid((20, 24, 9), (1.1, 0.9, 4.0), (-30.0, 12.5, 101.0), np.eye(3))
STORED = np.random.default_rng(3).integers(0, 900, GRID.shape_kji).astype(np.uint16)
IJK = STORED.T.astype(np.int16)
AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0]) @ GRID.ijk_to_lps
Maker = Callable[[Path], Path]


@dataclass(frozen=True)
class Kind:
    """A type of input.

    Args:
        group: heading on the page.
        name: name of the type.
        make: writes an example to a folder and returns the path to read.
        refused: part of the error message; empty if the input can be read.
        noted: part of the note; empty if there is none.
        same: whether to check that values and grid equal the stored ones.
        labels: whether to read it as a label map.
    """

    group: str
    name: str
    make: Maker
    refused: str = ""
    noted: str = ""
    same: bool = True
    labels: bool = False

    @property
    def what(self) -> str:
        """Result of reading, as text for the page."""
        if self.refused:
            return f"error: *{self.refused}*"
        return f"read, with the note *{self.noted}*" if self.noted else "read"


def nifti(kind: type = nibabel.Nifti1Image, name: str = "a.nii.gz", array: np.ndarray = IJK, **change: object) -> Maker:
    """A NIfTI file, with optional changes of ``unit``, ``codes`` and ``sform``."""

    def make(folder: Path) -> Path:
        affine = np.array(change.get("affine", AFFINE))
        image = kind(array, affine)
        codes = change.get("codes", (1, 1))
        if hasattr(image, "set_qform"):
            image.header.set_xyzt_units(str(change.get("unit", "mm")))
            image.set_qform(affine, codes[0])
            image.set_sform(np.array(change.get("sform", affine)), codes[1])
        image.to_filename(folder / name)
        return folder / name

    return make


def moved() -> np.ndarray:
    """The affine shifted by 9 mm."""
    shifted = AFFINE.copy()
    shifted[0, 3] += 9
    return shifted


def masked() -> np.ndarray:
    """The voxels with a border of NaN."""
    array = IJK.astype(np.float32)
    array[:2] = np.nan
    return array


def holed() -> np.ndarray:
    """The voxels with one NaN in the middle."""
    array = IJK.astype(np.float32)
    array[10, 12, 4] = np.nan
    return array


def itk(name: str) -> Maker:
    """A file written by SimpleITK."""

    def make(folder: Path) -> Path:
        image = SimpleITK.GetImageFromArray(STORED)
        image.SetSpacing(GRID.spacing_mm)
        image.SetOrigin(GRID.origin_mm)
        SimpleITK.WriteImage(image, str(folder / name))
        return folder / name

    return make


def header_line(maker: Maker, line: str, before: str) -> Maker:
    """A text header with an additional line."""

    def make(folder: Path) -> Path:
        path = maker(folder)
        path.write_bytes(path.read_bytes().replace(before.encode(), f"{line}\n{before}".encode(), 1))
        return path

    return make


def picture(name: str) -> Maker:
    """A grey picture."""

    def make(folder: Path) -> Path:
        Image.fromarray((STORED[0] // 4).astype(np.uint8)).save(folder / name)
        return folder / name

    return make


def raw(name: str, content: bytes) -> Maker:
    """A file with the given bytes."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return make


def series(
    patch: Callable[[Dataset, int], None] = lambda header, k: None, modality: str = "MR", **more: object
) -> Maker:
    """A folder of DICOM slices."""

    def make(folder: Path) -> Path:
        write_series(folder / "s", STORED, GRID, modality=modality, patch=patch, **more)
        return folder / "s"

    return make


def tags(**values: object) -> Maker:
    """A DICOM folder with some attributes set in every slice."""
    return series(lambda header, k: header.update(values))


def encoded(syntax: str) -> Maker:
    """A DICOM folder in a transfer syntax."""

    def patch(header: Dataset, k: int) -> None:
        if syntax == RLELossless:
            header.compress(RLELossless)
        header.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            header.PixelData = STORED[k].astype(">u2").tobytes()

    return series(patch)


def without_preamble(folder: Path) -> Path:
    place = series()(folder)
    for path in list(place.iterdir()):
        plain = Dataset({element.tag: element for element in pydicom.dcmread(path)})
        path.unlink()
        pydicom.dcmwrite(path.with_suffix(""), plain, implicit_vr=True, little_endian=True)
    return place


def copies(folder: Path) -> Path:
    place = series()(folder)
    for path in list(place.iterdir()):
        shutil.copy(path, path.with_name(f"copy-{path.name}"))
    return place


def linked(folder: Path) -> Path:
    place = series()(folder)
    (folder / "up").mkdir()
    (folder / "up" / "sub").symlink_to(place, target_is_directory=True)
    return folder / "up"


def two_spacings(header: Dataset, k: int) -> None:
    step = k if k < 5 else 4 + 2 * (k - 4)
    header.ImagePositionPatient = [float(value) for value in GRID.to_lps((0, 0, step))]


def echoes(header: Dataset, k: int) -> None:
    header.EchoTime = 5 + k % 2
    header.ImagePositionPatient = [float(value) for value in GRID.to_lps((0, 0, k // 2))]


def scout(header: Dataset, k: int) -> None:
    if k == 8:
        header.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]


def capture(header: Dataset, k: int) -> None:
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"


def missing(folder: Path) -> Path:
    place = series()(folder)
    next(place.glob("*_4.dcm")).unlink()
    return place


def early_injection(header: Dataset, k: int) -> None:
    pet_tags(header, k)
    header.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime = "20240104090000"


def late_injection(header: Dataset, k: int) -> None:
    early_injection(header, k)
    del header.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartTime


def counts(header: Dataset, k: int) -> None:
    pet_tags(header, k)
    header.Units = "PROPCPS"


def enhanced(folder: Path) -> Path:
    write_multi_frame(folder / "s", STORED, GRID, list(range(9)))
    return folder / "s"


def enhanced_singles(folder: Path) -> Path:
    for k in range(9):
        write_multi_frame(folder / "s" / str(k), STORED, GRID, [k])
        (path,) = (folder / "s" / str(k)).iterdir()
        header = pydicom.dcmread(path)
        header.SeriesInstanceUID = "1.2.9"
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = f"1.2.9.{k + 1}"
        header.save_as(path)
    return folder / "s"


def concatenation(gone: int = -1) -> Maker:
    """A multi-frame object in three files of three frames, one of which may be missing."""

    def make(folder: Path) -> Path:
        (path,) = enhanced(folder).iterdir()
        whole = pydicom.dcmread(path)
        path.unlink()
        for number in (0, 1, 2):
            if number == gone:
                continue
            part = copy.deepcopy(whole)
            part.SOPInstanceUID = part.file_meta.MediaStorageSOPInstanceUID = f"1.2.8.{number + 1}"
            part.ConcatenationUID, part.InConcatenationNumber, part.InConcatenationTotalNumber = "1.2.7", number + 1, 3
            part.ConcatenationFrameOffsetNumber, part.NumberOfFrames = 3 * number, 3
            frames = whole.PerFrameFunctionalGroupsSequence[3 * number : 3 * number + 3]
            part.PerFrameFunctionalGroupsSequence = list(frames)
            part.PixelData = STORED[3 * number : 3 * number + 3].tobytes()
            part.save_as(folder / "s" / f"{number}.dcm")
        return folder / "s"

    return make


def label_file(name: str, factor: float = 1.0) -> Maker:
    """A label map with two segments."""

    def make(folder: Path) -> Path:
        label_map = LabelMap(LABELS, GRID, ("A", "B"))
        if name.endswith(".seg.nrrd"):
            write_segmentation(label_map, folder / name)
        else:
            write_nifti(LABELS * np.float32(factor), GRID, folder / name)
        return folder / name

    return make


def dicom_seg(change: Callable[[Dataset], None] = lambda header: None) -> Maker:
    """A DICOM segmentation of type BINARY, with optional changes."""

    def make(folder: Path) -> Path:
        source = read_dicom_source(series(referable)(folder))
        assert source is not None
        label_map = LabelMap(LABELS, source.grid, ("A", "B"))
        write_dicom_seg(label_map, source, folder / "seg.dcm", algorithm_name="a", algorithm_version="1")
        header = pydicom.dcmread(folder / "seg.dcm")
        change(header)
        header.save_as(folder / "seg.dcm")
        return folder / "seg.dcm"

    return make


def as_labelmap(header: Dataset) -> None:
    """Convert a BINARY segmentation to type LABELMAP, with one frame per plane (Supplement 243)."""
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.7"
    header.SegmentationType, header.BitsAllocated, header.BitsStored, header.HighBit = "LABELMAP", 8, 8, 7
    frames = []
    for k in range(len(LABELS)):
        frame = copy.deepcopy(header.PerFrameFunctionalGroupsSequence[0])
        frame.PlanePositionSequence[0].ImagePositionPatient = [float(value) for value in GRID.to_lps((0, 0, k))]
        frames.append(frame)
    header.PerFrameFunctionalGroupsSequence, header.NumberOfFrames = frames, len(frames)
    header.PixelData = LABELS.tobytes()


def undescribed(header: Dataset) -> None:
    del header.SegmentSequence[-1]


def without_label(header: Dataset) -> None:
    del header.SegmentSequence[-1].SegmentLabel


def surplus_frame(header: Dataset) -> None:
    header.NumberOfFrames = int(header.NumberOfFrames) - 1


LABELS = np.zeros(GRID.shape_kji, np.uint8)
LABELS[0:4, 3:9, 4:12], LABELS[4:9, 3:9, 4:12] = 1, 2
KINDS = (
    Kind("NIfTI", "NIfTI-1, `.nii` or `.nii.gz`", nifti()),
    Kind("NIfTI", "NIfTI-2", nifti(nibabel.Nifti2Image)),
    Kind("NIfTI", "pair of `.hdr` and `.img`, by either file", nifti(nibabel.Nifti1Pair, "a.hdr")),
    Kind("NIfTI", "Analyze 7.5", nifti(nibabel.AnalyzeImage, "a.hdr"), "does not say where left and right are"),
    Kind("NIfTI", "two dimensions", nifti(array=IJK[:, :, 0]), same=False),
    Kind("NIfTI", "one time point", nifti(array=IJK[..., None])),
    Kind("NIfTI", "several time points", nifti(array=np.stack([IJK] * 3, -1)), "has 4 axes"),
    Kind(
        "NIfTI",
        "micrometres or metres",
        nifti(affine=np.diag([1e3, 1e3, 1e3, 1]) @ AFFINE, unit="micron"),
        noted="lengths were converted from micrometres to millimetres",
    ),
    Kind("NIfTI", "sform and qform that differ", nifti(sform=moved()), noted="the sform was used", same=False),
    Kind("NIfTI", "neither sform nor qform", nifti(codes=(0, 0)), noted="left and right are uncertain", same=False),
    Kind("NIfTI", "NaN around the content", nifti(array=masked()), noted="were set to background", same=False),
    Kind("NIfTI", "NaN inside the content, infinity anywhere", nifti(array=holed()), "are NaN inside the content"),
    Kind("NIfTI", "complex voxels", nifti(array=IJK.astype(np.complex64)), "has complex voxels"),
    Kind("NIfTI", "compressed, but named `.nii`", raw("a.nii", gzip.compress(b"\x5c\x01\0\0" + b"\0" * 400)), "rename"),
    Kind("NRRD and MetaImage", "NRRD, `.nrrd` or `.nhdr` with its data", itk("a.nrrd")),
    Kind("NRRD and MetaImage", "MetaImage, `.mha` or `.mhd` with its data", itk("a.mha")),
    Kind(
        "NRRD and MetaImage",
        "space units other than mm",
        header_line(itk("a.nrrd"), 'space units: "cm" "cm" "cm"', "space directions"),
        noted="lengths were converted from cm",
        same=False,
    ),
    Kind(
        "NRRD and MetaImage",
        "units that are not a single unit of length",
        header_line(itk("a.nrrd"), 'space units: "mm" "mm" "s"', "space directions"),
        "one unit of length",
    ),
    Kind(
        "NRRD and MetaImage",
        "DistanceUnits other than mm",
        header_line(itk("a.mha"), "DistanceUnits = um", "DimSize"),
        noted="lengths were converted from um",
        same=False,
    ),
    Kind(
        "NRRD and MetaImage",
        "intensities with slope and offset",
        header_line(itk("a.mha"), "ElementToIntensityFunctionSlope = 2", "DimSize"),
        noted="intensities were scaled",
        same=False,
    ),
    Kind(
        "NRRD and MetaImage",
        "rotated measurement frame",
        header_line(itk("a.nrrd"), "measurement frame: (0,1,0) (1,0,0) (0,0,1)", "space directions"),
        noted="the measurement frame applies only to vectors",
    ),
    Kind(
        "Pictures", "PNG, JPEG, TIFF of one grey page", picture("a.png"), noted="spacing is taken as 1 mm", same=False
    ),
    Kind("Pictures", "BMP, GIF", raw("a.bmp", b"BM"), "save it as PNG first"),
    Kind("Other formats", "FreeSurfer `.mgz` or `.mgh`", nifti(nibabel.MGHImage, "a.mgz")),
    Kind("Other formats", "MINC, PAR/REC, AFNI, ECAT", raw("a.mnc", b"x"), "convert it to NIfTI first"),
    Kind("Other formats", "archives", raw("a.zip", b"PK\3\4"), "unpack it first"),
    Kind("DICOM files", "explicit or implicit, little or big endian", encoded(ImplicitVRLittleEndian)),
    Kind("DICOM files", "deflated", encoded(DeflatedExplicitVRLittleEndian)),
    Kind("DICOM files", "RLE, JPEG, JPEG-LS, JPEG 2000", encoded(RLELossless)),
    Kind("DICOM files", "without preamble, without suffix", without_preamble),
    Kind("DICOM files", "identical copies of slices", copies, noted="each was used once"),
    Kind("DICOM files", "in a linked subfolder", linked),
    Kind("DICOM images", "a series of slices, each with its own slope", series()),
    Kind(
        "DICOM images", "MONOCHROME1: values as stored, shown inverted", tags(PhotometricInterpretation="MONOCHROME1")
    ),
    Kind("DICOM images", "enhanced multi-frame image", enhanced),
    Kind("DICOM images", "enhanced images of one frame each", enhanced_singles),
    Kind("DICOM images", "concatenation", concatenation(), noted="the parts of a concatenation were joined"),
    Kind("DICOM images", "concatenation with a part missing", concatenation(gone=1), "of 3 of a concatenation"),
    Kind(
        "DICOM images",
        "echoes, phases or b-values in one series",
        series(echoes),
        "choose one with --series UID#NUMBER",
    ),
    Kind("DICOM images", "a localizer among the slices", series(scout), "choose one with --series UID#NUMBER"),
    Kind("DICOM images", "a slice missing", missing, "slices are missing"),
    Kind("DICOM images", "two slice spacings, as in head CT", series(two_spacings), "slices have different spacings"),
    Kind(
        "DICOM images",
        "Siemens mosaic and other tilings",
        tags(ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"]),
        "a tiling of several slices in one image",
    ),
    Kind("DICOM images", "secondary captures as a volume", series(capture), "secondary captures"),
    Kind(
        "DICOM images",
        "PET in Bq/ml, Philips counts or g/ml: SUV by body weight",
        series(pet_tags, "PT"),
        same=False,
    ),
    Kind(
        "DICOM images",
        "PET with an implausible DateTime of injection",
        series(early_injection, "PT"),
        noted="RadiopharmaceuticalStartTime (0018,1072) was used",
        same=False,
    ),
    Kind(
        "DICOM images",
        "PET without a plausible time of injection",
        series(late_injection, "PT"),
        "RadiopharmaceuticalStartDateTime (0018,1078) lies 25 h before the scan",
    ),
    Kind("DICOM images", "PET in other units", series(counts, "PT"), "Units (0054,1001) is PROPCPS"),
    Kind("Label maps", "NIfTI, NRRD, MetaImage with integers up to 255", label_file("a.nii.gz"), labels=True),
    Kind("Label maps", "3D Slicer segmentation, `.seg.nrrd`", label_file("a.seg.nrrd"), labels=True),
    Kind("Label maps", "other values", label_file("a.nii.gz", 0.5), "integers from 0 to 255", labels=True),
    Kind("Label maps", "DICOM SEG, BINARY", dicom_seg(), labels=True),
    Kind("Label maps", "DICOM SEG, LABELMAP (Supplement 243)", dicom_seg(as_labelmap), labels=True),
    Kind(
        "Label maps",
        "DICOM SEG that does not describe a segment",
        dicom_seg(undescribed),
        "which SegmentSequence (0062,0002) does not describe",
        labels=True,
    ),
    Kind(
        "Label maps",
        "DICOM SEG without a label",
        dicom_seg(without_label),
        "SegmentLabel (0062,0005) is missing",
        labels=True,
    ),
    Kind(
        "Label maps",
        "DICOM SEG with more groups than frames",
        dicom_seg(surplus_frame),
        "frames but the positions of",
        labels=True,
    ),
)


def page() -> str:
    """Return the text of the page."""
    lines = [
        "# Supported files",
        "",
        "This page lists every kind of file and the result of reading it. `camlocalizer info FILE...` reports the same",
        "for your own files, and `--json` prints it as JSON. `Testing/Python/io/readable_kinds.py` makes this page.",
        "The tests write a file of each kind, read it, compare values and positions, and check that this page agrees.",
    ]
    for group in dict.fromkeys(kind.group for kind in KINDS):
        lines += ["", f"## {group}", "", "| kind | what happens |", "|---|---|"]
        lines += [f"| {kind.name} | {kind.what} |" for kind in KINDS if kind.group == group]
    lines += ["", "[Robustness](robustness.md) reports tests with damaged files."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
