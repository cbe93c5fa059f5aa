"""Rigid registration of two exams of one patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core import InputError, Volume

if TYPE_CHECKING:
    import SimpleITK

SEED = 20
SAMPLED_FRACTION = 0.2
HISTOGRAM_BINS = 40
SHRINK = (4, 2)
SMOOTHING_MM = (4.0, 2.0)
ITERATIONS = 150


@dataclass(frozen=True, eq=False)
class RigidTransform:
    """A rotation and translation of the body between two exams.

    Args:
        matrix: 4x4 matrix from LPS positions in mm of the fixed exam to those of the moving one.
        similarity: mutual information; higher is better, comparable only within one pair of exams.
    """

    matrix: NDArray[np.float64]
    similarity: float

    def apply(self, lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Transform positions of the fixed exam, shape (..., 3), to the moving one."""
        moved: NDArray[np.float64] = np.asarray(lps_mm, float) @ self.matrix[:3, :3].T + self.matrix[:3, 3]
        return moved

    def inverse(self) -> RigidTransform:
        """Return the transform from the moving to the fixed exam."""
        return RigidTransform(np.linalg.inv(self.matrix).astype(np.float64), self.similarity)

    @property
    def shift_mm(self) -> float:
        """Distance by which the origin of the fixed exam's coordinates moves."""
        return float(np.linalg.norm(self.matrix[:3, 3]))

    @property
    def angle_deg(self) -> float:
        """Rotation angle."""
        cosine = (np.trace(self.matrix[:3, :3]) - 1) / 2
        return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def register_rigid(fixed: Volume, moving: Volume) -> RigidTransform:
    """Find the rotation and translation that align two exams; the result is deterministic.

    Maximises the Mattes mutual information at two resolutions. The better result of two initialisations is returned:
    identical scanner coordinates, and aligned centres of mass.

    Args:
        fixed: the earlier exam.
        moving: the later one.

    Raises:
        InputError: exams that do not overlap.

    Source:
        Mattes et al., PET-CT image registration in the chest using free-form deformations, IEEE TMI 22(1):120-128,
        2003, as ITK implements it.
    """
    import SimpleITK

    images = _image(fixed), _image(moving)
    starts = [SimpleITK.Euler3DTransform(), SimpleITK.Euler3DTransform()]
    middle = fixed.grid.to_lps((np.array(fixed.grid.size) - 1) / 2).tolist()
    starts[0].SetCenter(middle)
    kind = SimpleITK.CenteredTransformInitializerFilter.MOMENTS
    starts[1] = SimpleITK.Euler3DTransform(
        SimpleITK.CenteredTransformInitializer(*images, SimpleITK.Euler3DTransform(), kind)
    )
    found = [result for start in starts if (result := _optimise(images[0], images[1], start)) is not None]
    if not found:
        raise InputError(f"{fixed.name} and {moving.name} cannot be registered: they show no common part of the body")
    return max(found, key=lambda result: result.similarity)


def _image(volume: Volume) -> SimpleITK.Image:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(volume.array_kji)
    image.SetSpacing(volume.grid.spacing_mm)
    image.SetOrigin(volume.grid.origin_mm)
    image.SetDirection(volume.grid.direction.ravel().tolist())
    return image


def _optimise(
    fixed: SimpleITK.Image, moving: SimpleITK.Image, start: SimpleITK.Euler3DTransform
) -> RigidTransform | None:
    import SimpleITK

    method = SimpleITK.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(HISTOGRAM_BINS)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(SAMPLED_FRACTION, SEED)
    method.SetInterpolator(SimpleITK.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 1e-3, ITERATIONS, 0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(SHRINK)
    method.SetSmoothingSigmasPerLevel(SMOOTHING_MM)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(start, inPlace=False)
    try:
        result = method.Execute(fixed, moving)
    except RuntimeError:  # too few samples lie within both exams
        return None
    return RigidTransform(_matrix(result), -method.GetMetricValue())


def _matrix(transform: SimpleITK.Transform) -> NDArray[np.float64]:
    """Return the 4x4 matrix of an affine transform."""
    points = [transform.TransformPoint(point) for point in ((0.0, 0.0, 0.0), (1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0))]
    matrix = np.eye(4)
    matrix[:3, 3] = points[0]
    matrix[:3, :3] = (np.array(points[1:]) - points[0]).T
    return matrix
