"""Measurement reports contain the measurements with their units and references."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from dicom_series import complaints, pet_tags, referable, write_multi_frame, write_series
from highdicom import sr
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from CAMLocalizerLib.core import Grid, InputError, LabelMap, SettingsError, SuvMeasures
from CAMLocalizerLib.io import (
    DicomSource,
    ReportedRegion,
    read_dicom_source,
    write_dicom_seg,
    write_measurement_report,
)

FIRST = ReportedRegion(1, 1234.5, 17.25, 3.5, 0.5, 2.0, 6.0, 3.25, 0.875)
SECOND = ReportedRegion(2, 3.96, mean=2.0, standard_deviation=math.nan)


def segmented(folder: Path, grid: Grid) -> DicomSource:
    """Segment two regions of the series in ``folder / "s"`` as ``seg.dcm``."""
    source = read_dicom_source(folder / "s")
    assert source is not None
    array = np.zeros(grid.shape_kji, np.uint8)
    array[2:5, 3:9, 4:12], array[7, 20, 19] = 1, 2
    write_dicom_seg(
        LabelMap(array, grid, ("Tumour", "Satellite")),
        source,
        folder / "seg.dcm",
        algorithm_name="brain-t1ce",
        algorithm_version="1.0",
        parameters={"threshold": "0.4"},
        terminology=["Neoplasm", "Nodule"],
    )
    return source


def groups(path: Path) -> list[sr.VolumetricROIMeasurementsAndQualitativeEvaluations]:
    """Read the groups of measurements with highdicom."""
    return sr.srread(path).content.get_volumetric_roi_measurement_groups()


def values(group: sr.VolumetricROIMeasurementsAndQualitativeEvaluations) -> list[tuple[str, str, float, str]]:
    """Return name, derivation, value and unit of each measurement."""
    return [
        (one.name.meaning, one.derivation.meaning if one.derivation else "", one.value, one.unit.value)
        for one in group.get_measurements()
    ]


@pytest.fixture
def source(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> DicomSource:
    write_series(tmp_path / "s", stored, oblique_grid, patch=referable)
    return segmented(tmp_path, oblique_grid)


def test_every_value_has_name_and_unit(tmp_path: Path, source: DicomSource) -> None:
    write_measurement_report([FIRST, SECOND], source, tmp_path / "m.dcm", seg=tmp_path / "seg.dcm")
    first, second = groups(tmp_path / "m.dcm")
    signal = "MR signal intensity"
    assert values(first) == [
        ("Volume", "", 1.2345, "cm3"),
        ("Diameter", "Maximum", 17.25, "mm"),
        (signal, "Mean", 3.5, "[arb'U]"),
        (signal, "Standard Deviation", 0.5, "[arb'U]"),
        (signal, "Minimum", 2.0, "[arb'U]"),
        (signal, "Maximum", 6.0, "[arb'U]"),
        (signal, "Median", 3.25, "[arb'U]"),
        ("Class activation", "Maximum", 0.875, "1"),
    ]
    assert values(second) == [("Volume", "", 0.00396, "cm3"), (signal, "Mean", 2.0, "[arb'U]")]
    assert complaints(tmp_path / "m.dcm") == []


def test_a_group_names_its_segment_and_images(tmp_path: Path, source: DicomSource) -> None:
    write_measurement_report([FIRST, SECOND], source, tmp_path / "m.dcm", seg=dcmread(tmp_path / "seg.dcm"))
    seg = dcmread(tmp_path / "seg.dcm")
    for group, segment, slices in zip(groups(tmp_path / "m.dcm"), seg.SegmentSequence, ([2, 3, 4], [7]), strict=True):
        assert (group.tracking_identifier, group.tracking_uid) == (segment.TrackingID, segment.TrackingUID)
        reference = group.referenced_segment
        assert reference.referenced_sop_instance_uid == seg.SOPInstanceUID
        assert reference.referenced_segment_numbers == [segment.SegmentNumber]
        images = {image.referenced_sop_instance_uid for image in reference.source_images_for_segmentation}
        assert images == {source.headers[k].SOPInstanceUID for k in slices}
        assert group.finding_type.value == segment.SegmentedPropertyTypeCodeSequence[0].CodeValue


def test_all_source_images_are_evidence(tmp_path: Path, source: DicomSource) -> None:
    write_measurement_report([FIRST], source, tmp_path / "m.dcm", seg=tmp_path / "seg.dcm")
    report = dcmread(tmp_path / "m.dcm")
    (study,) = report.CurrentRequestedProcedureEvidenceSequence
    items = [item for series in study.ReferencedSeriesSequence for item in series.ReferencedSOPSequence]
    named = {item.ReferencedSOPInstanceUID for item in items}
    seg = dcmread(tmp_path / "seg.dcm")
    assert named == {header.SOPInstanceUID for header in source.headers} | {seg.SOPInstanceUID}
    assert (report.CompletionFlag, report.VerificationFlag, report.PreliminaryFlag) == (
        "COMPLETE",
        "UNVERIFIED",
        "PRELIMINARY",
    )
    assert (report.SeriesDescription, report.SeriesNumber) == ("CAMLocalizer measurements", 703)


def test_frames_of_a_multi_frame_source_are_named(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_multi_frame(tmp_path / "s", stored, oblique_grid, [4, 0, 8, 2, 6, 1, 3, 7, 5])
    source = segmented(tmp_path, oblique_grid)
    write_measurement_report([FIRST], source, tmp_path / "m.dcm", seg=tmp_path / "seg.dcm")
    (image,) = groups(tmp_path / "m.dcm")[0].referenced_segment.source_images_for_segmentation
    assert image.referenced_sop_instance_uid == source.headers[0].SOPInstanceUID
    assert image.referenced_frame_numbers == [1, 4, 7]  # slices 4, 2 and 3
    assert complaints(tmp_path / "m.dcm") == []


def test_pet_is_reported_in_suv(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    def both(header: Dataset, k: int) -> None:
        pet_tags(header, k)
        referable(header, k)

    write_series(tmp_path / "s", stored, oblique_grid, modality="PT", patch=both)
    source = segmented(tmp_path, oblique_grid)
    write_measurement_report([FIRST], source, tmp_path / "m.dcm", seg=tmp_path / "seg.dcm")
    (group,) = groups(tmp_path / "m.dcm")
    assert ("SUVbw", "Maximum", 6.0, "g/ml{SUVbw}") in values(group)
    assert complaints(tmp_path / "m.dcm") == []


def test_hounsfield_units_have_a_code(tmp_path: Path, source: DicomSource) -> None:
    write_measurement_report([FIRST], source, tmp_path / "m.dcm", seg=tmp_path / "seg.dcm", unit="HU")
    assert ("Attenuation Coefficient", "Mean", 3.5, "[hnsf'U]") in values(groups(tmp_path / "m.dcm")[0])
    with pytest.raises(SettingsError, match="unit 'furlong' has no DICOM code"):
        write_measurement_report([FIRST], source, tmp_path / "n.dcm", seg=tmp_path / "seg.dcm", unit="furlong")


def test_the_algorithm_is_that_of_the_segmentation(tmp_path: Path, source: DicomSource) -> None:
    write_measurement_report([FIRST], source, tmp_path / "m.dcm", seg=tmp_path / "seg.dcm")
    items = groups(tmp_path / "m.dcm")[0][0].ContentSequence
    texts = {item.name.meaning: item.value for item in items if "Algorithm" in item.name.meaning}
    assert texts == {
        "Algorithm Name": "brain-t1ce",
        "Algorithm Version": "1.0",
        "Algorithm Parameters": "threshold=0.4",
    }
    assert sr.srread(tmp_path / "m.dcm").content[0].ContentSequence[-1].name == codes.DCM.ImagingMeasurements


def test_equal_reports_at_the_same_time_give_equal_files(tmp_path: Path, source: DicomSource) -> None:
    for name in "ab":
        path, noon = tmp_path / f"{name}.dcm", datetime(2024, 1, 5, 12, 0, 0)
        write_measurement_report([FIRST], source, path, seg=tmp_path / "seg.dcm", created=noon)
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


def test_invalid_measurements_are_refused(
    tmp_path: Path, source: DicomSource, stored: np.ndarray, oblique_grid: Grid
) -> None:
    path, seg = tmp_path / "m.dcm", tmp_path / "seg.dcm"
    with pytest.raises(InputError, match=r"m.dcm: a measurement report needs at least one region"):
        write_measurement_report([], source, path, seg=seg)
    for regions in ([FIRST, FIRST], [ReportedRegion(3, 1.0)]):
        with pytest.raises(SettingsError, match=r"the segmentation has \[1, 2\]: one region per segment"):
            write_measurement_report(regions, source, path, seg=seg)
    with pytest.raises(InputError, match=r"none.dcm: cannot be read as a DICOM segmentation"):
        write_measurement_report([FIRST], source, path, seg=tmp_path / "none.dcm")
    with pytest.raises(InputError, match=r"is not a DICOM segmentation"):
        write_measurement_report([FIRST], source, path, seg=next((tmp_path / "s").glob("*.dcm")))
    write_series(tmp_path / "other", stored, oblique_grid, patch=referable)
    other = read_dicom_source(tmp_path / "other")
    assert other is not None
    with pytest.raises(InputError, match=r"seg.dcm: this segmentation belongs to a series other than"):
        write_measurement_report([FIRST], other, path, seg=seg)
    assert not path.exists()


def coded(group: sr.MeasurementsAndQualitativeEvaluations) -> dict[tuple[str, str], tuple[float, str]]:
    """Return code of name and derivation to value and unit of each measurement."""
    return {
        (one.name.value, one.derivation.value if one.derivation else ""): (one.value, one.unit.value)
        for one in group.get_measurements()
    }


def test_pet_measures_have_the_codes_of_dicom(tmp_path: Path, source: DicomSource) -> None:
    lesion = replace(FIRST, mean=3.5, maximum=6.0, suv=SuvMeasures(6.0, 3.5, 5.25, 1.2345, 4.32075))
    border = replace(SECOND, suv=SuvMeasures(2.0, 2.0, None, 0.00396, 0.00792))
    total = SuvMeasures.total([lesion.suv, border.suv])
    place = {"seg": tmp_path / "seg.dcm", "unit": "SUVbw", "total": total}
    write_measurement_report([lesion, border], source, tmp_path / "m.dcm", **place)
    first, second = map(coded, groups(tmp_path / "m.dcm"))
    suv, suv_unit = codes.DCM.Suvbw.value, codes.UCUM.StandardizedUptakeValueBodyWeight.value
    assert first[suv, codes.SCT.Maximum.value] == (6.0, suv_unit)
    assert first[suv, codes.SCT.Mean.value] == (3.5, suv_unit)
    assert first[suv, codes.DCM.PeakValueWithinROI.value] == (5.25, suv_unit)
    assert first[codes.DCM.MetabolicVolume.value, ""] == (1.2345, "ml")
    assert first[codes.DCM.TotalLesionGlycolysis.value, ""] == (4.32075, "g")
    assert (suv, codes.DCM.PeakValueWithinROI.value) not in second
    (every,) = sr.srread(tmp_path / "m.dcm").content.get_image_measurement_groups()
    assert every.tracking_identifier == "All lesions"
    assert coded(every) == {
        (suv, codes.SCT.Maximum.value): (6.0, suv_unit),
        (suv, codes.SCT.Mean.value): (pytest.approx(total.mean_suv), suv_unit),
        (suv, codes.DCM.PeakValueWithinROI.value): (5.25, suv_unit),
        (codes.DCM.MetabolicVolume.value, ""): (pytest.approx(1.23846), "ml"),
        (codes.DCM.TotalLesionGlycolysis.value, ""): (pytest.approx(4.32867), "g"),
    }


def test_codes_are_those_of_the_dictionary() -> None:
    from CAMLocalizerLib.io import dicom_sr

    for ours, theirs in [
        (dicom_sr.UNITS["SUVbw"][0], codes.DCM.Suvbw),
        (dicom_sr.UNITS["SUVbw"][1], codes.UCUM.StandardizedUptakeValueBodyWeight),
        (dicom_sr.PEAK, codes.DCM.PeakValueWithinROI),
        (dicom_sr.METABOLIC_VOLUME, codes.DCM.MetabolicVolume),
        (dicom_sr.GLYCOLYSIS, codes.DCM.TotalLesionGlycolysis),
        (dicom_sr.MAXIMUM, codes.SCT.Maximum),
        (dicom_sr.MEAN, codes.SCT.Mean),
    ]:
        assert ours == (theirs.value, theirs.scheme_designator, theirs.meaning)


def test_pet_measures_in_another_unit_are_refused(tmp_path: Path, source: DicomSource) -> None:
    lesion = replace(FIRST, suv=SuvMeasures(6.0, 3.5, 5.25, 1.2345, 4.32075))
    with pytest.raises(SettingsError, match="PET measures are in SUVbw, but the intensities are in an arbitrary unit"):
        write_measurement_report([lesion], source, tmp_path / "m.dcm", seg=tmp_path / "seg.dcm")
