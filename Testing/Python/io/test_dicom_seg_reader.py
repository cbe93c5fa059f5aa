"""Segmentations of other programs: LABELMAP is read, and inconsistent files are refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import highdicom
import numpy as np
import pytest
from dicom_series import referable, write_series
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless, RLELossless, generate_uid

from CAMLocalizerLib.core import Grid, InputError
from CAMLocalizerLib.io import read_dicom_seg, read_label_map


def description(number: int, label: str) -> highdicom.seg.SegmentDescription:
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Mass,
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
    )


def write(path: Path, series: Path, array: np.ndarray, kind: str, syntax: str = ExplicitVRLittleEndian) -> Path:
    headers = sorted(map(dcmread, series.iterdir()), key=lambda header: header.InstanceNumber)
    highdicom.seg.Segmentation(
        source_images=headers,
        pixel_array=array,
        segmentation_type=kind,
        segment_descriptions=[description(1, "Rim"), description(2, "Core")],
        series_instance_uid=generate_uid(),
        series_number=2,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="M",
        manufacturer_model_name="M",
        software_versions="1",
        device_serial_number="1",
        transfer_syntax_uid=syntax,
        omit_empty_frames=False,
    ).save_as(path)
    return path


@pytest.fixture
def labels(oblique_grid: Grid) -> np.ndarray:
    array = np.zeros(oblique_grid.shape_kji, np.uint8)
    array[2:5, 3:12, 4:9] = 1
    array[5:8, 3:12, 4:9] = 2
    return array


@pytest.fixture
def series(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> Path:
    write_series(tmp_path / "s", stored, oblique_grid, patch=referable)
    return tmp_path / "s"


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEGLSLossless])
def test_a_labelmap_segmentation_is_read(
    tmp_path: Path, series: Path, labels: np.ndarray, oblique_grid: Grid, syntax: str
) -> None:
    """A segmentation of Supplement 243, written by highdicom."""
    path = write(tmp_path / "a.dcm", series, labels, "LABELMAP", syntax)
    found = read_label_map(path)
    np.testing.assert_array_equal(found.array_kji, labels)
    assert found.segments == ("Rim", "Core")
    assert found.grid.matches(oblique_grid)
    np.testing.assert_array_equal(read_dicom_seg(path, grid=oblique_grid).array_kji, labels)


def test_numbers_of_a_labelmap_may_have_gaps(tmp_path: Path, series: Path, labels: np.ndarray) -> None:
    path = write(tmp_path / "a.dcm", series, labels, "LABELMAP")
    header = dcmread(path)
    header.SegmentSequence[-1].SegmentNumber = 200
    header.PixelData = header.PixelData.replace(b"\2", b"\xc8")
    header.save_as(path)
    np.testing.assert_array_equal(read_label_map(path).array_kji, labels)


def undescribed(header: Dataset) -> None:
    del header.SegmentSequence[-1]


def no_label(header: Dataset) -> None:
    del header.SegmentSequence[-1].SegmentLabel


def no_segments(header: Dataset) -> None:
    del header.SegmentSequence


def twice(header: Dataset) -> None:
    header.SegmentSequence[-1].SegmentNumber = header.SegmentSequence[-2].SegmentNumber


def more_groups(header: Dataset) -> None:
    header.NumberOfFrames = int(header.NumberOfFrames) - 1


def fewer_groups(header: Dataset) -> None:
    del header.PerFrameFunctionalGroupsSequence[-1]


def no_groups(header: Dataset) -> None:
    del header.PerFrameFunctionalGroupsSequence


def no_position(header: Dataset) -> None:
    del header.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence


def no_pixels(header: Dataset) -> None:
    del header.PixelData


def few_pixels(header: Dataset) -> None:
    header.PixelData = header.PixelData[:40]


def no_rows(header: Dataset) -> None:
    del header.Rows


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (undescribed, r"refers to segment 2, which SegmentSequence \(0062,0002\) does not describe \(it describes 1\)"),
        (no_label, r"does not name segment 2: SegmentLabel \(0062,0005\) is missing"),
        (no_segments, r"has no segment"),
        (twice, r"two with the same number|has no segment"),
        (more_groups, r"has \d+ frames but the positions of \d+"),
        (fewer_groups, r"has \d+ frames but the positions of \d+"),
        (no_groups, r"has \d+ frames but the positions of 0"),
        (no_position, r"has frames without position"),
        (no_pixels, r"segmentation is damaged"),
        (few_pixels, r"damaged|truncated"),
        (no_rows, r"segmentation is damaged"),
    ],
)
def test_inconsistent_files_are_refused_in_one_sentence(
    tmp_path: Path,
    series: Path,
    labels: np.ndarray,
    kind: str,
    change: Callable[[Dataset], None],
    sentence: str,
) -> None:
    path = write(tmp_path / "a.dcm", series, labels, kind)
    header = dcmread(path)
    change(header)
    header.save_as(path)
    with pytest.raises(InputError, match=rf"a\.dcm: .*({sentence})") as caught:
        read_label_map(path)
    assert "\n" not in str(caught.value)


def test_a_frame_without_a_segment_is_refused(tmp_path: Path, series: Path, labels: np.ndarray) -> None:
    path = write(tmp_path / "a.dcm", series, labels, "BINARY")
    header = dcmread(path)
    del header.PerFrameFunctionalGroupsSequence[1].SegmentIdentificationSequence
    header.save_as(path)
    with pytest.raises(InputError, match=r"does not say to which segment frame 2 belongs \(0062,000B\)"):
        read_label_map(path)
