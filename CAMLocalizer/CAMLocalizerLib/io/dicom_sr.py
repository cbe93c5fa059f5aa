"""Measurements of the segments of a DICOM segmentation, as a structured report (TID 1500)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import SUV_UNIT, InputError, SettingsError, SuvMeasures
from ..version import VERSION
from .dicom_results import PROGRAM, derived_uid, highdicom_errors, instance_attributes, save_dicom
from .dicom_source import DicomSource
from .quiet import quiet

if TYPE_CHECKING:
    from pydicom import Dataset

Concept = tuple[str, str, str]
Value = tuple[Concept, Concept | None, float | None, Concept]  # name, derivation, value, unit

MM3_PER_CM3 = 1000.0
SR_NUMBER = 3
PROCEDURES = {
    "CT": ("25045-6", "LN", "CT unspecified body region"),
    "MR": ("25056-3", "LN", "MRI unspecified body region"),
    "PT": ("44136-0", "LN", "PET unspecified body region"),
}
IMAGING = ("363679005", "SCT", "Imaging procedure")
UNITS = {
    "SUVbw": (("126401", "DCM", "SUVbw"), ("g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight")),
    "HU": (("112031", "DCM", "Attenuation Coefficient"), ("[hnsf'U]", "UCUM", "Hounsfield unit")),
}
ARBITRARY = ("[arb'U]", "UCUM", "arbitrary unit")
INTENSITIES = {
    "CT": ("110850", "DCM", "X-Ray Attenuation"),
    "MR": ("110852", "DCM", "MR signal intensity"),
    "NM": ("110821", "DCM", "Nuclear Medicine Tomographic Activity"),
    "PT": ("110821", "DCM", "Nuclear Medicine Tomographic Activity"),
}
VOLUME, CUBIC_CENTIMETRE = ("118565006", "SCT", "Volume"), ("cm3", "UCUM", "cubic centimeter")
DIAMETER, MILLIMETRE = ("81827009", "SCT", "Diameter"), ("mm", "UCUM", "mm")
ACTIVATION, NO_UNITS = ("130402", "DCM", "Class activation"), ("1", "UCUM", "no units")
MAXIMUM, MEAN = ("56851009", "SCT", "Maximum"), ("373098007", "SCT", "Mean")
PEAK = ("126031", "DCM", "Peak Value Within ROI")
METABOLIC_VOLUME, MILLILITRE = ("126032", "DCM", "Metabolic Volume"), ("ml", "UCUM", "milliliter")
GLYCOLYSIS, GRAM = ("126033", "DCM", "Total Lesion Glycolysis"), ("g", "UCUM", "gram")
ALL_LESIONS = "All lesions"
STATISTICS = {
    "mean": MEAN,
    "standard_deviation": ("386136009", "SCT", "Standard Deviation"),
    "minimum": ("255605001", "SCT", "Minimum"),
    "maximum": MAXIMUM,
    "median": ("373099004", "SCT", "Median"),
}


@dataclass(frozen=True)
class ReportedRegion:
    """Measurements of one segment. Values that are None or not finite are left out of the report.

    Args:
        segment: number of the segment in the segmentation, from 1.
        volume_mm3: volume of all voxels.
        longest_diameter_mm: largest distance between two voxels, in three dimensions.
        mean: mean intensity; this and the following are in the volume's unit.
        standard_deviation: standard deviation of the intensities.
        minimum: lowest intensity.
        maximum: highest intensity.
        median: median intensity.
        peak_activation: highest activation, 0 to 1.
        suv: PET measures; SUVmax and SUVmean are taken from ``maximum`` and ``mean``.
    """

    segment: int
    volume_mm3: float
    longest_diameter_mm: float | None = None
    mean: float | None = None
    standard_deviation: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    median: float | None = None
    peak_activation: float | None = None
    suv: SuvMeasures | None = None


def write_measurement_report(
    regions: Sequence[ReportedRegion],
    source: DicomSource,
    path: str | Path,
    *,
    seg: str | Path | Dataset,
    unit: str | None = None,
    total: SuvMeasures | None = None,
    created: datetime | None = None,
) -> None:
    """Write a DICOM structured report of template TID 1500 with one group of measurements per region.

    A group refers to the segment and its source images, repeats the segment's tracking identifiers, type and algorithm,
    and contains volume (cm3), longest diameter (mm), intensity statistics and peak class activation. For a PET in SUV,
    it also contains SUVpeak, metabolic volume (ml) and total lesion glycolysis (g). The report is marked as complete,
    preliminary and not verified.

    Args:
        regions: measurements, at most one entry per segment.
        source: series that was measured.
        path: a ``.dcm`` file in an existing folder; an existing file is replaced.
        seg: the segmentation of the same series, as :func:`write_dicom_seg` wrote it; keep it with the report.
        unit: unit of the intensities: ``SUVbw``, ``HU`` or empty for arbitrary; defaults to the source's unit.
        total: PET measures of all lesions together, written to a separate group without a segment; None for no group.
        created: date and time of creation; defaults to now. The same content and time give the same file.

    Raises:
        InputError: no regions, a segmentation of another series, or one that cannot be read.
        SettingsError: a unit without a code, PET measures in a unit other than SUVbw, or regions that are duplicated or
            not segments of the segmentation.
        OutputError: another ending than ``.dcm``, or a file that cannot be written.

    Source: DICOM PS3.16 TID 1500, TID 1411, TID 1501, CID 7464, CID 7466 and CID 7469; units of UCUM.
    """
    path, moment = Path(path), created or datetime.now()
    if not regions:
        raise InputError(f"{path}: a measurement report needs at least one region")
    unit = source.unit if unit is None else unit
    if unit and unit not in UNITS:
        raise SettingsError(f"unit {unit!r} has no DICOM code; expected one of {', '.join(UNITS)} or an empty unit")
    if unit != SUV_UNIT and (total is not None or any(region.suv is not None for region in regions)):
        raise SettingsError(f"PET measures are in SUVbw, but the intensities are in {unit or 'an arbitrary unit'}")
    segmentation = _segmentation(seg, source)
    _check_segments(regions, segmentation)
    content_uid = derived_uid(
        "report", str(segmentation.SOPInstanceUID), unit, str(total), *(str(astuple(one)) for one in regions)
    )
    options = instance_attributes(source, "measurements", SR_NUMBER, moment, content_uid)
    with highdicom_errors(source, "DICOM measurement report"):
        report = _report(regions, source, segmentation, unit, total, options)
    save_dicom(report, path, moment)


def _segmentation(seg: str | Path | Dataset, source: DicomSource) -> Dataset:
    """Read the segmentation, unless it is a dataset already, and check that it belongs to the source."""
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    name = f"{seg}: " if isinstance(seg, str | Path) else ""
    try:
        with quiet():
            found = dcmread(seg) if isinstance(seg, str | Path) else seg
    except (OSError, InvalidDicomError) as error:
        raise InputError(f"{name}cannot be read as a DICOM segmentation") from error
    if "SegmentSequence" not in found:
        raise InputError(f"{name}is not a DICOM segmentation; give the one that was measured")
    series = {str(item.SeriesInstanceUID) for item in found.get("ReferencedSeriesSequence", ())}
    if source.series_uid not in series:
        raise InputError(
            f"{name}this segmentation belongs to a series other than the images; give the one made from them"
        )
    return found


def _check_segments(regions: Sequence[ReportedRegion], segmentation: Dataset) -> None:
    numbers = [region.segment for region in regions]
    filled = {_number(frame) for frame in segmentation.PerFrameFunctionalGroupsSequence}
    filled |= {_number(group) for group in segmentation.SharedFunctionalGroupsSequence}
    if len(set(numbers)) < len(numbers) or not set(numbers) <= filled:
        raise SettingsError(
            f"the regions refer to segments {numbers}, the segmentation has {sorted(filled - {0})}: one region per "
            "segment is expected; write the segmentation by component for regions that are components"
        )


def _number(group: Dataset) -> int:
    found = group.get("SegmentIdentificationSequence")
    return int(found[0].ReferencedSegmentNumber) if found else 0


def _report(
    regions: Sequence[ReportedRegion],
    source: DicomSource,
    segmentation: Dataset,
    unit: str,
    total: SuvMeasures | None,
    options: Any,
) -> Dataset:
    from highdicom import sr
    from pydicom.sr.coding import Code

    device = sr.DeviceObserverIdentifyingAttributes(
        uid=derived_uid("device", PROGRAM, VERSION), name=PROGRAM, manufacturer_name=PROGRAM, model_name=PROGRAM
    )
    observer = sr.ObserverContext(Code("121007", "DCM", "Device"), device)
    content = sr.MeasurementReport(
        sr.ObservationContext(observer_device_context=observer),
        procedure_reported=Code(*PROCEDURES.get(source.modality, IMAGING)),
        imaging_measurements=[
            *(_group(region, source, segmentation, unit) for region in regions),
            *([] if total is None else [_total_group(total, segmentation)]),
        ],
    )
    evidence = [*source.headers, segmentation]
    return sr.EnhancedSR(evidence=evidence, content=content[0], is_complete=True, **options)


def _group(region: ReportedRegion, source: DicomSource, segmentation: Dataset, unit: str) -> Any:
    from highdicom import sr
    from pydicom.sr.coding import Code

    segment = next(item for item in segmentation.SegmentSequence if int(item.SegmentNumber) == region.segment)
    kind, category = segment.SegmentedPropertyTypeCodeSequence[0], segment.SegmentedPropertyCategoryCodeSequence[0]
    algorithm = segment.SegmentationAlgorithmIdentificationSequence[0]
    parameters = [str(algorithm.AlgorithmParameters)] if "AlgorithmParameters" in algorithm else None
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        sr.TrackingIdentifier(uid=str(segment.TrackingUID), identifier=str(segment.TrackingID)),
        referenced_segment=_referenced(segmentation, region.segment),
        finding_type=Code(kind.CodeValue, kind.CodingSchemeDesignator, kind.CodeMeaning),
        finding_category=Code(category.CodeValue, category.CodingSchemeDesignator, category.CodeMeaning),
        algorithm_id=sr.AlgorithmIdentification(
            str(algorithm.AlgorithmName), str(algorithm.AlgorithmVersion), parameters
        ),
        measurements=_measurements(_values(region, source.modality, unit)),
    )


def _total_group(total: SuvMeasures, segmentation: Dataset) -> Any:
    """Create the group of all lesions together; TID 1501, as it belongs to no single segment."""
    from highdicom import sr

    uid = derived_uid("all lesions", str(segmentation.SOPInstanceUID))
    return sr.MeasurementsAndQualitativeEvaluations(
        sr.TrackingIdentifier(uid=uid, identifier=ALL_LESIONS), measurements=_measurements(_total_values(total))
    )


def _measurements(values: Iterable[Value]) -> list[Any]:
    """Encode the values, without those that are None or not finite."""
    from highdicom import sr
    from pydicom.sr.coding import Code

    return [
        sr.Measurement(Code(*name), float(value), Code(*units), derivation=derivation and Code(*derivation))
        for name, derivation, value, units in values
        if value is not None and math.isfinite(value)
    ]


def _referenced(segmentation: Dataset, segment: int) -> Any:
    """Create the reference to a segment and to its source images or frames."""
    from highdicom import sr

    shared = _number(segmentation.SharedFunctionalGroupsSequence[0])
    images: dict[tuple[str, str], list[int]] = {}
    for frame in segmentation.PerFrameFunctionalGroupsSequence:
        if (_number(frame) or shared) == segment:
            image = frame.DerivationImageSequence[0].SourceImageSequence[0]
            uids = (str(image.ReferencedSOPClassUID), str(image.ReferencedSOPInstanceUID))
            number = image.get("ReferencedFrameNumber")
            images.setdefault(uids, []).extend([] if number is None else [int(number)])
    found = [sr.SourceImageForSegmentation(*uids, sorted(frames) or None) for uids, frames in images.items()]
    return sr.ReferencedSegment(
        str(segmentation.SOPClassUID), str(segmentation.SOPInstanceUID), segment, source_images=found
    )


def _values(region: ReportedRegion, modality: str, unit: str) -> Iterator[Value]:
    """Yield name, derivation, value and unit of every measurement of a region."""
    name, units = UNITS.get(unit, (INTENSITIES.get(modality), ARBITRARY))
    yield VOLUME, None, region.volume_mm3 / MM3_PER_CM3, CUBIC_CENTIMETRE
    yield DIAMETER, MAXIMUM, region.longest_diameter_mm, MILLIMETRE
    if name is not None:
        for key, derivation in STATISTICS.items():
            yield name, derivation, getattr(region, key), units
    yield ACTIVATION, MAXIMUM, region.peak_activation, NO_UNITS
    if region.suv is not None:
        yield from _suv_values(region.suv)


def _suv_values(suv: SuvMeasures) -> Iterator[Value]:
    """Yield the PET measures that are not statistics of the intensities."""
    name, units = UNITS[SUV_UNIT]
    yield name, PEAK, suv.peak_suv, units
    yield METABOLIC_VOLUME, None, suv.mtv_ml, MILLILITRE
    yield GLYCOLYSIS, None, suv.tlg_g, GRAM


def _total_values(total: SuvMeasures) -> Iterator[Value]:
    name, units = UNITS[SUV_UNIT]
    yield name, MAXIMUM, total.max_suv, units
    yield name, MEAN, total.mean_suv, units
    yield from _suv_values(total)
