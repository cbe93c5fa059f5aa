"""Shape and intensity features by SimpleITK, for installations without pyradiomics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import SimpleITK

SHAPE = (
    "PhysicalSize",
    "NumberOfPixels",
    "Centroid",
    "FeretDiameter",
    "EquivalentSphericalRadius",
    "EquivalentSphericalPerimeter",
    "Perimeter",
    "Roundness",
    "Elongation",
    "Flatness",
    "PrincipalMoments",
    "EquivalentEllipsoidDiameter",
)
INTENSITY = ("Minimum", "Maximum", "Mean", "Median", "StandardDeviation", "Variance", "Skewness", "Kurtosis", "Sum")


def sitk_features(image: SimpleITK.Image, mask: SimpleITK.Image) -> dict[str, Any]:
    """Measure label 1 of a mask.

    Args:
        image: intensities.
        mask: unsigned integers on the image's grid, including label 1.

    Returns:
        ``sitk_shape_...`` (mm, mm2, mm3, LPS mm) and ``sitk_intensity_...`` (the image's unit), named after the getters
        of SimpleITK's label statistics, and the version of SimpleITK.

    Source:
        ITK, LabelShapeStatisticsImageFilter and LabelIntensityStatisticsImageFilter.
    """
    import SimpleITK

    shape = SimpleITK.LabelShapeStatisticsImageFilter()
    shape.ComputeFeretDiameterOn()
    shape.Execute(mask)
    intensity = SimpleITK.LabelIntensityStatisticsImageFilter()
    intensity.Execute(mask, image)
    return {
        "sitk_version": SimpleITK.Version_VersionString(),
        **{f"sitk_shape_{name}": getattr(shape, f"Get{name}")(1) for name in SHAPE},
        **{f"sitk_intensity_{name}": getattr(intensity, f"Get{name}")(1) for name in INTENSITY},
    }
