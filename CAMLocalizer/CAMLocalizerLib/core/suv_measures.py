"""SuvMeasures: PET measures of a lesion, with the names, units and totals used in every output."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from .volume import Volume

SUV_UNIT = "SUVbw"
SUV_WINDOW = (0.0, 7.0)  # display range of a PET, white to black


@dataclass(frozen=True)
class SuvColumn:
    """Name, unit and format of one measure.

    Args:
        field: attribute of :class:`SuvMeasures`.
        key: name in JSON and CSV files; ends with the unit.
        name: name for display.
        unit: UCUM unit.
        digits: decimal places for display.
    """

    field: str
    key: str
    name: str
    unit: str
    digits: int

    @property
    def title(self) -> str:
        """Name and unit, as a column header."""
        return f"{self.name} ({self.unit})"


SUV_COLUMNS = (
    SuvColumn("max_suv", "suv_max_g_per_ml", "SUVmax", "g/ml", 2),
    SuvColumn("mean_suv", "suv_mean_g_per_ml", "SUVmean", "g/ml", 2),
    SuvColumn("peak_suv", "suv_peak_g_per_ml", "SUVpeak", "g/ml", 2),
    SuvColumn("mtv_ml", "mtv_ml", "MTV", "ml", 2),
    SuvColumn("tlg_g", "tlg_g", "TLG", "g", 1),
)


@dataclass(frozen=True)
class SuvMeasures:
    """Measures of one PET lesion, or of several lesions together, in standardised uptake values by body weight.

    Args:
        max_suv: SUVmax, the highest voxel, g/ml; None if there is no lesion.
        mean_suv: SUVmean, the mean of all voxels, g/ml; None if there is no lesion.
        peak_suv: SUVpeak, the highest mean within a sphere of 1 ml around any voxel of the lesion, g/ml; None if no
            such sphere lies within the volume.
        mtv_ml: metabolic tumour volume, the volume of all voxels, ml.
        tlg_g: total lesion glycolysis, SUVmean times MTV, g.

    Source:
        Wahl et al., From RECIST to PERCIST, J Nucl Med 50 (Suppl 1):122S-150S, 2009; Larson et al., Clin Positron
        Imaging 2:159-171, 1999 (TLG).
    """

    max_suv: float | None
    mean_suv: float | None
    peak_suv: float | None
    mtv_ml: float
    tlg_g: float

    @classmethod
    def total(cls, lesions: Collection[SuvMeasures]) -> SuvMeasures:
        """Combine lesions: highest SUVmax and SUVpeak, mean of all voxels, sums of MTV and TLG.

        Args:
            lesions: must not share voxels. Without lesions, MTV and TLG are 0 and the uptake is None.
        """
        mtv_ml, tlg_g = sum(each.mtv_ml for each in lesions), sum(each.tlg_g for each in lesions)
        return cls(
            max((each.max_suv for each in lesions if each.max_suv is not None), default=None),
            tlg_g / mtv_ml if mtv_ml > 0 else None,
            max((each.peak_suv for each in lesions if each.peak_suv is not None), default=None),
            float(mtv_ml),
            float(tlg_g),
        )

    def values(self, digits: int = 6) -> dict[str, float | None]:
        """Return the rounded value of each measure by its key, as in JSON and CSV files."""
        found = {column.key: getattr(self, column.field) for column in SUV_COLUMNS}
        return {key: None if value is None else round(value, digits) for key, value in found.items()}

    def texts(self) -> tuple[str, ...]:
        """Return each measure as text without its unit; empty text for None."""
        found = [(getattr(self, column.field), column.digits) for column in SUV_COLUMNS]
        return tuple("" if value is None else f"{value:.{digits}f}" for value, digits in found)

    def phrases(self) -> tuple[str, ...]:
        """Return each measure that is not None with name and unit: ``SUVmax 7.21 g/ml``, ..., ``TLG 36.9 g``."""
        shown = zip(SUV_COLUMNS, self.texts(), strict=True)
        return tuple(f"{column.name} {text} {column.unit}" for column, text in shown if text)

    def sentence(self) -> str:
        """Return :meth:`phrases` joined by commas."""
        return ", ".join(self.phrases())


def is_suv(volume: Volume) -> bool:
    """Return whether the voxels of a volume are standardised uptake values by body weight."""
    return volume.unit == SUV_UNIT
