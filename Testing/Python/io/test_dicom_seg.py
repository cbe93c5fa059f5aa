"""DICOM segmentations contain the label map at the position of the images."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from dicom_series import complaints, referable, write_multi_frame, write_series
from highdicom.seg import segread
from pydicom import dcmread
from pydicom.dataset import Dataset
from test_dicom_source import turned

from CAMLocalizerLib.core import Grid, GridError, InputError, LabelMap, OutputError, SettingsError
from CAMLocalizerLib.io import (
    DicomSource,
    read_dicom_seg,
    read_dicom_seg_fractional,
    read_dicom_source,
    separate_components,
    write_dicom_seg,
    write_dicom_seg_fractional,
)

MADE = {"algorithm_name": "brain-t1ce", "algorithm_version": "1.0"}
NOON = datetime(2024, 1, 5, 12, 0, 0)
ORDER = [4, 0, 8, 2, 6, 1, 3, 7, 5]


@pytest.fixture
def source(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> DicomSource:
    write_series(tmp_path / "s", stored, oblique_grid, patch=referable)
    return found(tmp_path / "s")


@pytest.fixture
def two_segments(oblique_grid: Grid) -> LabelMap:
    array = np.zeros(oblique_grid.shape_kji, np.uint8)
    array[2:5, 3:9, 4:12] = 1
    array[4, 12:14, 2:19] = 2
    array[7, 20, 19] = 1
    return LabelMap(array, oblique_grid, ("Tumour", "Œdème \\ rim"))


def found(path: Path) -> DicomSource:
    source = read_dicom_source(path)
    assert source is not None
    return source


def test_a_label_map_round_trips_exactly(tmp_path: Path, source: DicomSource, two_segments: LabelMap) -> None:
    write_dicom_seg(two_segments, source, tmp_path / "a.dcm", **MADE)
    back = read_dicom_seg(tmp_path / "a.dcm", grid=source.grid)
    assert back.grid == source.grid
    assert back.segments == ("Tumour", "Œdème / rim")
    np.testing.assert_array_equal(back.array_kji, two_segments.array_kji)
    alone = read_dicom_seg(tmp_path / "a.dcm")
    np.testing.assert_array_equal(alone.array_kji, two_segments.array_kji[2:8])
    np.testing.assert_allclose(alone.grid.origin_mm, source.grid.to_lps((0, 0, 2)), atol=1e-4)
    assert complaints(tmp_path / "a.dcm") == []


def test_highdicom_finds_each_label_on_its_source_image(
    tmp_path: Path, source: DicomSource, two_segments: LabelMap
) -> None:
    write_dicom_seg(two_segments, source, tmp_path / "a.dcm", **MADE)
    uids = [header.SOPInstanceUID for header in source.headers]
    read = segread(tmp_path / "a.dcm")
    options = {"combine_segments": True, "assert_missing_frames_are_empty": True}
    np.testing.assert_array_equal(read.get_pixels_by_source_instance(uids, **options), two_segments.array_kji)


@pytest.mark.parametrize("shared", [True, False])
def test_frames_refer_to_a_multi_frame_source(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, two_segments: LabelMap, shared: bool
) -> None:
    write_multi_frame(tmp_path / "s", stored, oblique_grid, ORDER, shared=shared)
    source = found(tmp_path / "s")
    write_dicom_seg(two_segments, source, tmp_path / "a.dcm", **MADE)
    uid, options = source.headers[0].SOPInstanceUID, {"combine_segments": True, "assert_missing_frames_are_empty": True}
    frames = segread(tmp_path / "a.dcm").get_pixels_by_source_frame(uid, range(1, 10), **options)
    np.testing.assert_array_equal(frames, two_segments.array_kji[ORDER])
    back = read_dicom_seg(tmp_path / "a.dcm", grid=oblique_grid)
    np.testing.assert_array_equal(back.array_kji, two_segments.array_kji)
    assert complaints(tmp_path / "a.dcm") == []


def test_axes_in_another_order_give_the_same_segmentation(
    tmp_path: Path, source: DicomSource, two_segments: LabelMap
) -> None:
    grid, array = turned(two_segments.grid, two_segments.array_kji)
    write_dicom_seg(LabelMap(array, grid, ("A", "B")), source, tmp_path / "a.dcm", **MADE)
    np.testing.assert_array_equal(
        read_dicom_seg(tmp_path / "a.dcm", grid=source.grid).array_kji, two_segments.array_kji
    )
    np.testing.assert_array_equal(read_dicom_seg(tmp_path / "a.dcm", grid=grid).array_kji, array)


def test_an_activation_round_trips_within_one_step(tmp_path: Path, source: DicomSource) -> None:
    activation = np.random.default_rng(5).random(source.grid.shape_kji).astype(np.float32)
    activation[:2], activation[3, 4, 5], activation[3, 4, 6] = 0, 0, 1
    write_dicom_seg_fractional(activation, source.grid, source, tmp_path / "a.dcm", **MADE)
    back, grid = read_dicom_seg_fractional(tmp_path / "a.dcm", grid=source.grid)
    assert grid == source.grid
    np.testing.assert_allclose(back, activation, atol=0.5 / 255 + 1e-6)
    assert (back[3, 4, 5], back[3, 4, 6]) == (0, 1)
    header = dcmread(tmp_path / "a.dcm", stop_before_pixels=True)
    assert (header.SegmentationFractionalType, header.NumberOfFrames) == ("PROBABILITY", 7)
    uids = [one.SOPInstanceUID for one in source.headers]
    read = segread(tmp_path / "a.dcm").get_pixels_by_source_instance(uids, assert_missing_frames_are_empty=True)
    np.testing.assert_allclose(read[..., 0], back, atol=1e-6)
    assert complaints(tmp_path / "a.dcm") == []


def test_tumour_type_and_algorithm_are_coded(tmp_path: Path, source: DicomSource, two_segments: LabelMap) -> None:
    kinds, settings = ("Neoplasm, Primary", "Nodule"), {"threshold": "0.4"}
    write_dicom_seg(two_segments, source, tmp_path / "a.dcm", terminology=kinds, parameters=settings, **MADE)
    first, second = dcmread(tmp_path / "a.dcm").SegmentSequence
    codes = [segment.SegmentedPropertyTypeCodeSequence[0] for segment in (first, second)]
    assert [(code.CodeValue, code.CodeMeaning) for code in codes] == [
        ("372087000", "Neoplasm, Primary"),
        ("27925004", "Nodule"),
    ]
    assert first.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "49755003"
    algorithm = first.SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("brain-t1ce", "1.0")
    assert algorithm.AlgorithmParameters == "threshold=0.4"
    assert algorithm.AlgorithmFamilyCodeSequence[0].CodeMeaning == "Artificial Intelligence"
    assert first.SegmentAlgorithmType == "AUTOMATIC"


def test_a_result_repeats_only_the_required_patient_attributes(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, two_segments: LabelMap
) -> None:
    def tell(header: Dataset, k: int) -> None:
        referable(header, k)
        header.SpecificCharacterSet, header.PatientName = "ISO_IR 100", "Müller^Änne"
        header.PatientWeight, header.InstitutionName, header.Manufacturer = 70, "Secret clinic", "Maker"
        header.StudyDescription = header.SeriesDescription = header.PatientComments = "Secret words"

    write_series(tmp_path / "s", stored, oblique_grid, patch=tell)
    write_dicom_seg(two_segments, found(tmp_path / "s"), tmp_path / "a.dcm", **MADE)
    header = dcmread(tmp_path / "a.dcm")
    assert (header.PatientName, header.PatientID, header.StudyInstanceUID) == ("Müller^Änne", "SecretID", "1.2.3")
    assert header.SeriesInstanceUID != found(tmp_path / "s").series_uid
    assert (header.SeriesDescription, header.SeriesNumber) == ("CAMLocalizer segmentation", 701)
    content = (tmp_path / "a.dcm").read_bytes()
    assert b"Secret clinic" not in content
    assert b"Secret words" not in content
    assert "PatientWeight" not in header


def test_equal_results_at_the_same_time_give_equal_files(
    tmp_path: Path, source: DicomSource, two_segments: LabelMap
) -> None:
    for name in "ab":
        write_dicom_seg(two_segments, source, tmp_path / f"{name}.dcm", created=NOON, **MADE)
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


def test_tracking_uids_are_stable_and_instance_uids_are_new(
    tmp_path: Path, source: DicomSource, two_segments: LabelMap
) -> None:
    array = two_segments.array_kji.copy()
    array[4, 13, 2] = 0
    other = LabelMap(array, two_segments.grid, two_segments.segments)
    made = []
    for name, label_map in {"a": two_segments, "b": two_segments, "c": other}.items():
        write_dicom_seg(label_map, source, tmp_path / f"{name}.dcm", **MADE)
        made.append(dcmread(tmp_path / f"{name}.dcm"))
    assert len({header.SOPInstanceUID for header in made}) == len({header.SeriesInstanceUID for header in made}) == 3
    assert all(header.SOPInstanceUID.is_valid and len(header.SOPInstanceUID) <= 64 for header in made)
    assert len({header.SegmentSequence[0].TrackingUID for header in made}) == 1
    assert [header.SegmentSequence[1].TrackingUID == made[0].SegmentSequence[1].TrackingUID for header in made] == [
        True,
        True,
        False,
    ]


def test_each_component_can_be_a_segment(tmp_path: Path, source: DicomSource, two_segments: LabelMap) -> None:
    separated = separate_components(two_segments)
    assert separated.segments == ("Tumour 1", "Tumour 2", "Œdème \\ rim 1")
    assert [int((separated.array_kji == label).sum()) for label in (1, 2, 3)] == [3 * 6 * 8, 1, 2 * 17]
    write_dicom_seg(two_segments, source, tmp_path / "a.dcm", by_component=True, terminology=("Mass", "Nodule"), **MADE)
    back = read_dicom_seg(tmp_path / "a.dcm", grid=source.grid)
    np.testing.assert_array_equal(back.array_kji, separated.array_kji)
    segments = dcmread(tmp_path / "a.dcm").SegmentSequence
    assert [segment.SegmentedPropertyTypeCodeSequence[0].CodeMeaning for segment in segments] == [
        "Mass",
        "Mass",
        "Nodule",
    ]


def test_more_components_than_labels_are_refused() -> None:
    array = np.zeros((1, 40, 40), np.uint8)
    array[:, ::2, ::2] = 1
    with pytest.raises(SettingsError, match="more than 255 components"):
        separate_components(LabelMap(array, Grid((40, 40, 1), (1, 1, 1), (0, 0, 0), np.eye(3))))


def test_an_empty_label_map_is_written_only_if_allowed(tmp_path: Path, source: DicomSource) -> None:
    nothing = LabelMap(np.zeros(source.grid.shape_kji, np.uint8), source.grid)
    with pytest.raises(InputError, match=r"a.dcm: the label map is empty; lower the threshold or allow"):
        write_dicom_seg(nothing, source, tmp_path / "a.dcm", **MADE)
    assert not (tmp_path / "a.dcm").exists()
    write_dicom_seg(nothing, source, tmp_path / "a.dcm", allow_empty=True, by_component=True, **MADE)
    back = read_dicom_seg(tmp_path / "a.dcm")
    assert back.grid.matches(source.grid)
    assert not back.array_kji.any()
    assert complaints(tmp_path / "a.dcm") == []


def test_a_segment_without_voxels_keeps_its_number(tmp_path: Path, source: DicomSource, two_segments: LabelMap) -> None:
    only = LabelMap(np.where(two_segments.array_kji == 2, 2, 0), source.grid, ("Tumour", "Rim", "Cyst"))
    write_dicom_seg(only, source, tmp_path / "a.dcm", **MADE)
    back = read_dicom_seg(tmp_path / "a.dcm", grid=source.grid)
    assert back.segments == only.segments
    np.testing.assert_array_equal(back.array_kji, only.array_kji)
    assert complaints(tmp_path / "a.dcm") == []


def test_a_single_labelled_slice_is_written(tmp_path: Path, source: DicomSource) -> None:
    array = np.zeros(source.grid.shape_kji, np.uint8)
    array[6, 3, 2] = 1
    write_dicom_seg(LabelMap(array, source.grid), source, tmp_path / "a.dcm", **MADE)
    alone = read_dicom_seg(tmp_path / "a.dcm")
    assert alone.grid.size == (20, 24, 1)
    assert alone.grid.spacing_mm == pytest.approx(source.grid.spacing_mm)
    np.testing.assert_array_equal(read_dicom_seg(tmp_path / "a.dcm", grid=source.grid).array_kji, array)


@pytest.mark.parametrize("multi", [True, False])
def test_frames_of_one_segment_form_a_stack_without_gaps(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, multi: bool
) -> None:
    if multi:
        write_multi_frame(tmp_path / "s", stored, oblique_grid, ORDER)
    else:
        write_series(tmp_path / "s", stored, oblique_grid, patch=referable)
    source = found(tmp_path / "s")
    array = np.zeros(source.grid.shape_kji, np.uint8)
    array[2, 3, 2] = array[6, 3, 2] = 1
    write_dicom_seg(LabelMap(array, source.grid), source, tmp_path / "a.dcm", **MADE)
    image = SimpleITK.ReadImage(str(tmp_path / "a.dcm"))  # knows nothing of segmentations
    assert image.GetSpacing() == pytest.approx(source.grid.spacing_mm, rel=1e-5)
    marked = [image.TransformContinuousIndexToPhysicalPoint(ijk) for ijk in ((2, 3, 0), (2, 3, 4))]
    ends = {tuple(np.round(point, 3)) for point in marked}
    assert ends == {tuple(np.round(source.grid.to_lps((2, 3, k)), 3)) for k in (2, 6)}
    np.testing.assert_array_equal(read_dicom_seg(tmp_path / "a.dcm").array_kji, array[2:7])
    used = {
        frame.DerivationImageSequence[0].SourceImageSequence[0].get("ReferencedFrameNumber")
        or frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        for frame in dcmread(tmp_path / "a.dcm").PerFrameFunctionalGroupsSequence
    }
    slices = range(2, 7)
    expected = {ORDER.index(k) + 1 for k in slices} if multi else {source.headers[k].SOPInstanceUID for k in slices}
    assert used == expected


def test_a_source_of_one_slice_works(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_series(tmp_path, stored[:1], oblique_grid, patch=referable)
    source = found(next(tmp_path.glob("*.dcm")))
    array = (stored[:1] > 2000).astype(np.uint8)
    write_dicom_seg(LabelMap(array, source.grid), source, tmp_path / "a.dcm", **MADE)
    np.testing.assert_array_equal(read_dicom_seg(tmp_path / "a.dcm", grid=source.grid).array_kji, array)


def test_the_slice_spacing_is_the_measured_one(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, two_segments: LabelMap
) -> None:
    def gap(header: Dataset, k: int) -> None:
        referable(header, k)
        header.SliceThickness, header.SpacingBetweenSlices = 3, 1

    write_series(tmp_path / "s", stored, oblique_grid, patch=gap)
    write_dicom_seg(two_segments, found(tmp_path / "s"), tmp_path / "a.dcm", **MADE)
    measures = dcmread(tmp_path / "a.dcm").SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert (measures.SliceThickness, float(measures.SpacingBetweenSlices)) == (3, pytest.approx(4))


def test_lossy_compression_is_recorded(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, two_segments: LabelMap
) -> None:
    def lossy(header: Dataset, k: int) -> None:
        referable(header, k)
        header.LossyImageCompression, header.LossyImageCompressionRatio = "01", 12.5

    write_series(tmp_path / "s", stored, oblique_grid, patch=lossy)
    write_dicom_seg(two_segments, found(tmp_path / "s"), tmp_path / "a.dcm", **MADE)
    header = dcmread(tmp_path / "a.dcm")
    assert (header.LossyImageCompression, header.LossyImageCompressionRatio) == ("01", 12.5)


def test_invalid_arguments_are_refused(tmp_path: Path, source: DicomSource, two_segments: LabelMap) -> None:
    small = LabelMap(np.ones((1, 1, 1), np.uint8), Grid((1, 1, 1), (1, 1, 1), (0, 0, 0), np.eye(3)))
    with pytest.raises(GridError, match=r"1 x 1 x 1 voxels .* 20 x 24 x 9 voxels"):
        write_dicom_seg(small, source, tmp_path / "a.dcm", **MADE)
    with pytest.raises(SettingsError, match="tumour type 'Wart' is unknown"):
        write_dicom_seg(two_segments, source, tmp_path / "a.dcm", terminology="Wart", **MADE)
    with pytest.raises(SettingsError, match="1 tumour types given for 2 segments"):
        write_dicom_seg(two_segments, source, tmp_path / "a.dcm", terminology=["Mass"], **MADE)
    with pytest.raises(OutputError, match=r"must be named \.dcm"):
        write_dicom_seg(two_segments, source, tmp_path / "a.nii", **MADE)
    with pytest.raises(OutputError, match="its folder does not exist"):
        write_dicom_seg(two_segments, source, tmp_path / "none" / "a.dcm", **MADE)
    for wrong in (1.5, np.nan):
        array = np.full(source.grid.shape_kji, wrong, np.float32)
        with pytest.raises(InputError, match=r"the activation ranges from .* expected 0 to 1"):
            write_dicom_seg_fractional(array, source.grid, source, tmp_path / "a.dcm", **MADE)


def test_unsupported_image_types_are_refused(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, two_segments: LabelMap
) -> None:
    def invent(header: Dataset, k: int) -> None:
        referable(header, k)
        header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = "1.2.3.999"

    write_series(tmp_path / "s", stored, oblique_grid, patch=invent)
    with pytest.raises(
        InputError, match=r"a DICOM segmentation cannot be made from a series of type '1.2.3.999'"
    ) as got:
        write_dicom_seg(two_segments, found(tmp_path / "s"), tmp_path / "a.dcm", **MADE)
    assert "Secret" not in str(got.value)


def test_other_files_are_not_read_as_segmentations(tmp_path: Path, source: DicomSource, two_segments: LabelMap) -> None:
    (tmp_path / "text.dcm").write_text("no DICOM")
    with pytest.raises(InputError, match=r"text.dcm: is not a DICOM file"):
        read_dicom_seg(tmp_path / "text.dcm")
    with pytest.raises(InputError, match=r"none.dcm: cannot be opened \(No such file"):
        read_dicom_seg(tmp_path / "none.dcm")
    with pytest.raises(InputError, match=r"is not a DICOM segmentation; one of type BINARY or LABELMAP is expected"):
        read_dicom_seg(next((tmp_path / "s").glob("*.dcm")))
    write_dicom_seg(two_segments, source, tmp_path / "a.dcm", **MADE)
    with pytest.raises(InputError, match=r"of type BINARY; one of type FRACTIONAL is expected"):
        read_dicom_seg_fractional(tmp_path / "a.dcm")


def test_overlapping_segments_are_refused(tmp_path: Path, source: DicomSource, two_segments: LabelMap) -> None:
    write_dicom_seg(two_segments, source, tmp_path / "a.dcm", **MADE)
    header = dcmread(tmp_path / "a.dcm")
    header.PixelData = b"\xff" * len(header.PixelData)
    header.save_as(tmp_path / "a.dcm")
    with pytest.raises(InputError, match=r"a.dcm: has overlapping segments"):
        read_dicom_seg(tmp_path / "a.dcm")
