"""Exports: further files of a case, for other systems."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..case_files import CASE_FILES, EXPORT_FILES
from ..core import InputError, LabelMap, SettingsError, Volume, is_suv
from ..io import DicomSource, read_dicom_source, read_volume
from ..io.dicom_seg import separate_components, write_dicom_seg, write_dicom_seg_fractional
from ..io.dicom_sr import ReportedRegion, write_measurement_report
from ..io.grid_copy import copy_to_grid, same_voxels
from ..localizer.run_options import check_exports
from .html_report import write_html_report
from .provenance import fact_columns, provenance, provenance_line
from .report import CaseResult

if TYPE_CHECKING:
    from ..measure import ComponentMeasures

STL_DESCRIPTION = 60
LEAST_LIKENESS = 0.8  # brains of other patients reach 0.7

logger = logging.getLogger("CAMLocalizerLib")


@dataclass(frozen=True)
class Export:
    """A kind of file.

    Args:
        write: writes it; the source is None unless the input was DICOM or a reference was given.
        dicom: whether it needs a source.
        finding: whether it needs a labelled voxel.
    """

    write: Callable[[CaseResult, Path, DicomSource | None], None]
    dicom: bool = False
    finding: bool = True


def write_exports(
    result: CaseResult, folder: Path, names: Collection[str], source: DicomSource | None = None
) -> dict[str, str]:
    """Write further files of a case.

    Args:
        result: the case.
        folder: an existing one.
        names: of :data:`EXPORT_FILES`.
        source: the DICOM series that results refer to.

    Returns:
        Name of each export to its file, or to a sentence why there is none.

    Raises:
        SettingsError: an export that is not known.
        InputError: a DICOM export without a source.
        OutputError: a file that cannot be written.
    """
    done = {}
    for name in checked_exports(names):
        export = EXPORTS[name]
        if export.dicom and source is None:
            raise InputError(
                f"{result.file_name}: is not DICOM, which {name} refers to; give the series it was made from"
            )
        if export.finding and not result.label_map.array_kji.any():
            done[name] = "not written: the label map is empty"
            continue
        export.write(result, folder / EXPORT_FILES[name], source)
        done[name] = EXPORT_FILES[name]
    return done


def checked_exports(names: Collection[str]) -> tuple[str, ...]:
    """Return names of exports in the order of :data:`EXPORT_FILES`, each once, with what they need beside them.

    Raises:
        SettingsError: an export that is not known.
    """
    check_exports(names)
    wanted = {*names, *(["dicom-seg"] if "dicom-sr" in names else [])}  # the report refers to the segmentation
    return tuple(name for name in EXPORT_FILES if name in wanted)


def exports_source(
    names: Collection[str], path: Path | None, *, series: str | None = None, reference: Path | None = None
) -> DicomSource | None:
    """Read the series that DICOM exports refer to, best before anything is computed.

    Args:
        names: of :data:`EXPORT_FILES`.
        path: the input; None if it is not a file.
        series: SeriesInstanceUID or SeriesNumber, where the input holds several.
        reference: series that the input was made from, where it is not DICOM itself.

    Returns:
        The series; None if no export needs it.

    Raises:
        SettingsError: an export that is not known.
        InputError: an input that is not DICOM and no reference, or a series that cannot be read.
    """
    if not any(EXPORTS[name].dicom for name in checked_exports(names)):
        return None
    if reference is not None:
        path, series = reference, None
    source = None if path is None else read_dicom_source(path, series=series)
    if source is None:
        told = "the volume" if path is None else str(path)
        raise InputError(f"{told}: is not DICOM; name the series that it was made from with --dicom-reference")
    return source


def warn_of_other_image(volume: Volume, reference: Path) -> None:
    """Log a warning if a reference series shows something else than the volume: results would go to its patient.

    Args:
        volume: the input.
        reference: DICOM series that results are to refer to; one on another grid is refused when they are written.
    """
    other = read_volume(reference)
    if not same_voxels(other.grid, volume.grid):
        return
    found = copy_to_grid(other.array_kji, other.grid, volume.grid)
    with np.errstate(invalid="ignore", divide="ignore"):
        likeness = float(np.corrcoef(found.ravel(), volume.array_kji.ravel())[0, 1])
    if not likeness >= LEAST_LIKENESS:
        logger.warning(
            "%s: is hardly the image that %s was made from (correlation %.2f); DICOM results carry its patient",
            reference,
            volume.name,
            likeness,
        )


def _radiomics(result: CaseResult, path: Path, _source: DicomSource | None) -> None:
    from ..measure import radiomics, segment_masks  # only here: they take long to import, as what is below

    masks = segment_masks(result.label_map, per_component=True)
    table = radiomics(result.localization.volume, masks, mask_name=CASE_FILES["label map"])
    table.with_columns(fact_columns(provenance(result))).write_csv(path)


def _dicom_seg(result: CaseResult, path: Path, source: DicomSource | None) -> None:
    assert source is not None
    write_dicom_seg(_reported_segments(result), source, path, allow_empty=True, **_algorithm(result))


def _reported_segments(result: CaseResult) -> LabelMap:
    """Return what DICOM results describe: in a PET in SUV a segment for each lesion, else those of the label map."""
    if not is_suv(result.localization.volume):
        return result.label_map
    try:
        return separate_components(result.label_map)
    except SettingsError as error:
        logger.warning("%s: DICOM results tell all lesions as one: %s", result.file_name, error)
        return result.label_map


def _dicom_seg_fractional(result: CaseResult, path: Path, source: DicomSource | None) -> None:
    assert source is not None
    grid = result.localization.volume.grid
    write_dicom_seg_fractional(result.activation, grid, source, path, **_algorithm(result))


def _dicom_sr(result: CaseResult, path: Path, source: DicomSource | None) -> None:
    from ..measure import measure_segments

    assert source is not None
    volume, segments = result.localization.volume, _reported_segments(result)
    components = [
        ReportedRegion(
            segment=found.label,
            volume_mm3=found.volume_mm3,
            longest_diameter_mm=_longest_part_mm(segments, found, volume),
            mean=found.mean,
            standard_deviation=found.sd,
            minimum=found.minimum,
            maximum=found.maximum,
            median=found.median,
            peak_activation=found.peak_activation,
            suv=found.suv,
        )
        for found in measure_segments(segments, volume, result.activation)
    ]
    seg = path.with_name(EXPORT_FILES["dicom-seg"])
    write_measurement_report(components, source, path, seg=seg, unit=volume.unit, total=result.suv_total)


def _longest_part_mm(label_map: LabelMap, segment: ComponentMeasures, volume: Volume) -> float:
    """Return the longest diameter of the connected components of a segment; each is one already in a PET in SUV."""
    from ..measure import measure_components

    if is_suv(volume):
        return segment.longest_diameter_mm
    own = LabelMap((label_map.array_kji == segment.label).astype("uint8"), label_map.grid)
    return max(part.longest_diameter_mm for part in measure_components(own, volume))


def _stl(result: CaseResult, path: Path, _source: DicomSource | None) -> None:
    from .surface import write_stl

    write_stl(result.label_map, path, description=provenance_line(result, STL_DESCRIPTION))


def _html(result: CaseResult, path: Path, _source: DicomSource | None) -> None:
    write_html_report(result, path)


def _algorithm(result: CaseResult) -> dict[str, Any]:
    card = result.localization.card
    facts = {name: str(value) for name, value in provenance(result).items() if value and name != "settings"}
    settings = {name: str(value) for name, value in result.label_settings.to_json().items() if value is not None}
    identity = {"identity": result.identity} if result.identity else {}
    parameters = {**facts, **identity, **settings}
    return {"algorithm_name": card.name, "algorithm_version": card.version, "parameters": parameters}


EXPORTS: Mapping[str, Export] = {
    "radiomics": Export(_radiomics),
    "dicom-seg": Export(_dicom_seg, dicom=True, finding=False),
    "dicom-seg-fractional": Export(_dicom_seg_fractional, dicom=True, finding=False),
    "dicom-sr": Export(_dicom_sr, dicom=True),
    "stl": Export(_stl),
    "html": Export(_html, finding=False),
}
