"""The surface of a label map as an STL file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..core import Grid, InputError, LabelMap, label_components
from ..io.writing import output_errors

SMOOTHING_VOXELS = 0.5
INSIDE = 0.5
HEADER_BYTES = 80
FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def write_stl(label_map: LabelMap, path: str | Path, *, description: str = "") -> None:
    """Write the surface of everything that is labelled as binary STL, in LPS millimetres.

    Voxel steps are smoothed by less than a voxel; components that this would take away keep their steps.

    Args:
        label_map: at least one labelled voxel.
        path: a file in an existing folder; an existing file is replaced.
        description: for the file's header, at most 60 ASCII characters.

    Raises:
        InputError: an empty label map.
        OutputError: the file cannot be written.

    Source:
        Lewiner et al., Efficient implementation of marching cubes' cases with topological guarantees, 2003, as
        scikit-image implements it. ``SPACE=LPS`` in the header is what 3D Slicer looks for.
    """
    path = Path(path)
    if not label_map.array_kji.any():
        raise InputError(f"{path}: the label map is empty and has no surface")
    corners = surface(label_map.array_kji > 0, label_map.grid)  # (facets, 3, 3)
    facets = np.zeros(len(corners), FACET)
    facets["corners"] = corners
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    facets["normal"] = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    header = f"SPACE=LPS {description}".encode("ascii", "replace")[:HEADER_BYTES].ljust(HEADER_BYTES)
    with output_errors(path), path.open("wb") as stream:
        stream.write(header + np.uint32(len(facets)).tobytes())
        stream.write(facets.tobytes())


def surface(mask: NDArray[np.bool_], grid: Grid) -> NDArray[np.float64]:
    """Return the triangles of a mask's surface, corners in LPS mm, anticlockwise from outside.

    Args:
        mask: shape ``grid.shape_kji``, not empty.
        grid: where the voxels lie.

    Returns:
        Shape (triangles, 3, 3): corners, then coordinates.
    """
    from skimage.measure import marching_cubes

    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    field = _smoothed(np.pad(mask[box], 2))
    vertices, triangles, _, _ = marching_cubes(field, INSIDE, gradient_direction="ascent")
    ijk = vertices[:, ::-1] - 2 + [part.start for part in box[::-1]]
    corners: NDArray[np.float64] = grid.to_lps(ijk)[triangles]
    inwards = float(np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum()) < 0
    return corners[:, ::-1] if inwards else corners


def _smoothed(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Blur a mask a little; components whose every voxel would fall out stay sharp."""
    field = ndimage.gaussian_filter(mask.astype(np.float32), SMOOTHING_VOXELS)
    components, count = label_components(mask)
    lost = ndimage.maximum(field, components, range(1, count + 1)) <= INSIDE
    sharp = np.concatenate([[False], lost])[components]
    return np.where(sharp, np.float32(1), field)
