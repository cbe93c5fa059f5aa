"""Radiomics: shape, intensity and texture features of every segment."""

from __future__ import annotations

import csv
import importlib.util
import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import GridError, LabelMap, Volume, is_suv, label_components
from ..io.writing import whole_file
from .grey_levels import TEXTURES, GreyLevels
from .radiomics_params import RadiomicsParams
from .sitk_features import sitk_features
from .suv_meter import SuvMeter

if TYPE_CHECKING:
    import SimpleITK

logger = logging.getLogger("CAMLocalizerLib")
Row = Mapping[str, Any]
Measure = Callable[..., Row]  # of image, mask, name of the segment and its intensities


@dataclass(frozen=True)
class RadiomicsTable:
    """Features of segments, one row per segment.

    Args:
        rows: column name to value; every row starts with ``Image``, ``Mask`` and ``Segment``. A segment that could not
            be measured has only these and ``Note``.
        source: name and version of the software that computed the features.
    """

    rows: tuple[Row, ...]
    source: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns, in order of first appearance."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row))

    def with_columns(self, values: Mapping[str, Any]) -> RadiomicsTable:
        """Return a table with additional columns that have the same value in every row."""
        return RadiomicsTable(tuple({**row, **values} for row in self.rows), self.source)

    def write_csv(self, path: str | Path, *, overwrite: bool = True) -> None:
        """Write the table as CSV, atomically.

        Args:
            path: the file.
            overwrite: replace an existing file.

        Raises:
            OutputError: the file exists and ``overwrite`` is False, or it cannot be written.
        """
        with (
            whole_file(Path(path), overwrite=overwrite) as partial,
            partial.open("w", encoding="utf-8", newline="") as stream,
        ):
            writer = csv.DictWriter(stream, self.columns, restval="")
            writer.writeheader()
            writer.writerows(self.rows)


def has_pyradiomics() -> bool:
    """Return whether pyradiomics is installed."""
    return importlib.util.find_spec("radiomics") is not None


def segment_masks(label_map: LabelMap, *, per_component: bool = False) -> dict[str, NDArray[np.bool_]]:
    """Return the mask of every segment that has voxels.

    Args:
        label_map: one or more segments.
        per_component: add the components (26 neighbours) of each segment with several components, largest first, as
            ``<segment>, component 1`` and so on.

    Returns:
        Name to mask; empty for an empty label map.
    """
    masks: dict[str, NDArray[np.bool_]] = {}
    components: dict[str, list[NDArray[np.bool_]]] = {}
    for label, name in enumerate(label_map.segments, start=1):
        mask = label_map.array_kji == label
        if not mask.any():
            continue
        title = _unused(name, masks)
        masks[title] = mask
        components[title] = _connected(mask) if per_component else []
    return _with_components(masks, components)


def _with_components(
    masks: Mapping[str, NDArray[np.bool_]], components: Mapping[str, list[NDArray[np.bool_]]]
) -> dict[str, NDArray[np.bool_]]:
    """Insert the components of each segment with several components after it, under unused names."""
    every: dict[str, NDArray[np.bool_]] = {}
    for name, mask in masks.items():
        every[name] = mask
        for number, component in enumerate(components[name] if len(components[name]) > 1 else [], start=1):
            every[_unused(f"{name}, component {number}", {**masks, **every})] = component
    return every


def _connected(mask: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Return the connected components of a mask, largest first."""
    components, _count = label_components(mask)
    order = np.argsort(-np.bincount(components.ravel())[1:], kind="stable") + 1
    return [components == number for number in order]


def _unused(name: str, taken: Mapping[str, Any]) -> str:
    """Return a name, with a number appended if it is already used, as segments may have the same name."""
    count, found = 2, name
    while found in taken:
        found, count = f"{name} ({count})", count + 1
    return found


def radiomics(
    volume: Volume,
    masks: Mapping[str, NDArray[np.bool_]],
    *,
    params: RadiomicsParams | None = None,
    mask_name: str = "",
) -> RadiomicsTable:
    """Measure segments with pyradiomics or, where it is not installed, with SimpleITK.

    Columns of pyradiomics have its own names, including versions and settings (``diagnostics_...``). Columns of
    SimpleITK start with ``sitk_``, so that the two cannot be confused. A PET in SUV also has the columns of
    :data:`~CAMLocalizerLib.core.SUV_COLUMNS`, computed by this library.

    Args:
        volume: the image.
        masks: segment name to mask, shape ``volume.grid.shape_kji``.
        params: settings of pyradiomics; its defaults if None.
        mask_name: content of the column ``Mask``: a file name, never a patient's name.

    Returns:
        One row per segment. Segments that cannot be measured, such as a single voxel, have a sentence in the column
        ``Note``. If the bin width gives more than 1000 grey levels, whose matrices would take gigabytes, texture is
        left out, with a logged warning and a note.

    Raises:
        GridError: a mask with a shape other than the volume's.
    """
    for name, mask in masks.items():
        if mask.shape != volume.grid.shape_kji:
            raise GridError(f"segment {name} has shape {mask.shape}, the volume {volume.grid.shape_kji}")
    image = _to_sitk(volume.array_kji, volume)
    source, measure = _measure(params, volume)
    meter = SuvMeter(volume) if is_suv(volume) else None
    rows = []
    for name, mask in masks.items():
        row: dict[str, Any] = {"Image": volume.name, "Mask": mask_name, "Segment": name}
        if meter is not None:
            row |= meter.mask(mask).values()
        rows.append({**row, **_measured(name, measure, image, volume, mask)})
    return RadiomicsTable(tuple(rows), source)


def _measured(name: str, measure: Measure, image: SimpleITK.Image, volume: Volume, mask: NDArray[np.bool_]) -> Row:
    """Measure one segment; errors are noted in its row and do not affect other segments."""
    try:
        return measure(image, _to_sitk(mask.astype(np.uint8), volume), name, volume.array_kji[mask])
    except MemoryError:
        return {"Note": "not measured: not enough memory; choose a larger binWidth in a parameter file"}
    except Exception as error:
        logger.debug("%s", name, exc_info=True)
        return {"Note": f"not measured: {type(error).__name__}: {error}"}


def _measure(params: RadiomicsParams | None, volume: Volume) -> tuple[str, Measure]:
    if has_pyradiomics():
        return _pyradiomics(params or RadiomicsParams(), volume)
    import SimpleITK

    def measure(image: SimpleITK.Image, mask: SimpleITK.Image, _name: str, _values: NDArray) -> Row:
        return sitk_features(image, mask)

    return f"SimpleITK {SimpleITK.Version_VersionString()}", measure


def _pyradiomics(params: RadiomicsParams, volume: Volume) -> tuple[str, Measure]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import radiomics
        from radiomics.featureextractor import RadiomicsFeatureExtractor

    logging.getLogger("radiomics").setLevel(logging.ERROR)
    extractor = RadiomicsFeatureExtractor(**params.setting)
    if params.image_types:
        extractor.disableAllImageTypes()
        extractor.enableImageTypes(**params.image_types)
    if params.feature_classes:
        extractor.disableAllFeatures()
        extractor.enableFeaturesByName(**params.feature_classes)

    levels = GreyLevels(params.setting, extractor.enabledImagetypes, volume)
    classes = dict(extractor.enabledFeatures)

    def measure(image: SimpleITK.Image, mask: SimpleITK.Image, name: str, values: NDArray) -> Row:
        note = levels.too_many(values) if set(classes) & TEXTURES else ""
        if note:
            logger.warning("%s: %s", name, note)
        extractor.enabledFeatures = {each: classes[each] for each in classes if not (note and each in TEXTURES)}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = extractor.execute(image, mask, label=1) if extractor.enabledFeatures else {}
        except (RuntimeError, ValueError) as error:
            return {"Note": f"not measured by pyradiomics: {error}"}
        return {key: _to_python(value) for key, value in found.items()} | ({"Note": note} if note else {})

    return f"pyradiomics {radiomics.__version__}", measure


def _to_python(value: Any) -> Any:
    """Convert the numpy scalars that pyradiomics returns to Python scalars."""
    if isinstance(value, tuple | list):
        return tuple(_to_python(entry) for entry in value)
    return value.item() if isinstance(value, np.generic | np.ndarray) and np.size(value) == 1 else value


def _to_sitk(array: NDArray, volume: Volume) -> SimpleITK.Image:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing(volume.grid.spacing_mm)
    image.SetOrigin(volume.grid.origin_mm)
    image.SetDirection(volume.grid.direction.ravel().tolist())
    return image
