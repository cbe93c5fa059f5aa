"""Maximum intensity projections of a PET as the walls of a box around its lesions in the 3D view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkCommonExecutionModel import vtkTrivialProducer
from vtkmodules.vtkFiltersSources import vtkPlaneSource

from ..core import SUV_WINDOW, Volume
from ..mrml.geometry import ras_from_grid
from ..views import PlaneAxes, plane_axes
from ..workbench import Review

PLANES = ("coronal", "sagittal")
PIXEL_MM = 1.5  # of the walls, so that numbers are legible
LESION, LEFT_OUT = (0, 80, 255), (138, 143, 152)
FONT_PIXELS = 26
MOST_NUMBERED = 30


@dataclass(frozen=True)
class _Wall:
    plane: str
    mirrored: bool  # seen from the other side
    node: Any


class ProjectionBox:
    """Four walls: the coronal projection in front and behind, the sagittal one on the left and on the right.

    Each wall is seen from within the box only, so that those in front of the lesions are never in the way. Lesions that
    are kept are outlined and numbered on them, candidates that are left out are drawn hollow.

    Args:
        scene: the ``vtkMRMLScene``.
        volume: PET in SUV.
    """

    def __init__(self, scene: Any, volume: Volume) -> None:
        self._scene, self._volume = scene, volume
        self._views = {plane: plane_axes(volume.grid, plane) for plane in PLANES}
        self._shown = {plane: self._projected(view, volume.array_kji) for plane, view in self._views.items()}
        self._sizes = {plane: self._size(view) for plane, view in self._views.items()}
        self._walls = [self._wall(plane, end) for plane in PLANES for end in (0, 1)]
        self.draw(None)

    def remove(self) -> None:
        """Take the walls out of the scene."""
        for wall in self._walls:
            self._scene.RemoveNode(wall.node)

    def draw(self, review: Review | None) -> None:
        """Draw the lesions of a review onto the walls; none if there is no review."""
        for plane, view in self._views.items():
            picture = self._picture(plane, view, review)
            for wall in self._walls:
                if wall.plane == plane:
                    _set_texture(wall.node, picture[:, ::-1] if wall.mirrored else picture)

    def _picture(self, plane: str, view: PlaneAxes, review: Review | None) -> NDArray[np.uint8]:
        low, high = SUV_WINDOW
        grey = (255 * (1 - np.clip((self._shown[plane] - low) / (high - low), 0, 1))).astype(np.uint8)
        size = self._sizes[plane]
        picture = Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR).convert("RGB")
        if review is None:
            return np.asarray(picture)
        pixels = np.array(picture)
        for mask, colour in ((self._left_out(review), LEFT_OUT), (review.mask > 0, LESION)):
            inside = Image.fromarray(self._projected(view, mask.astype(np.uint8)) * 255).resize(size)
            pixels[_border(np.asarray(inside) > 127)] = colour
        picture = Image.fromarray(pixels)
        self._number(ImageDraw.Draw(picture), plane, view, review)
        return np.asarray(picture)

    def _number(self, pen: ImageDraw.ImageDraw, plane: str, view: PlaneAxes, review: Review) -> None:
        font = ImageFont.load_default(FONT_PIXELS)
        rows, columns = self._shown[plane].shape
        width, height = self._sizes[plane]
        kept = [entry for entry in review.components if entry.kept][:MOST_NUMBERED]
        for entry in kept:
            across, down = view.pixel_at(self._volume.grid, entry.centre_lps_mm)
            place = ((across + 0.5) * width / columns + 8, (down + 0.5) * height / rows - FONT_PIXELS)
            pen.text(place, str(entry.label), fill=LESION, font=font, stroke_width=2, stroke_fill=(255, 255, 255))

    def _left_out(self, review: Review) -> NDArray[np.bool_]:
        mask = np.zeros(self._volume.grid.shape_kji, dtype=np.uint8)
        review.write_left_out(mask)
        return mask > 0

    @staticmethod
    def _projected(view: PlaneAxes, array: NDArray) -> NDArray:
        projected: NDArray = view.as_slices(array).max(axis=0)[:: view.signs[1], :: view.signs[0]]
        return projected

    def _size(self, view: PlaneAxes) -> tuple[int, int]:
        grid = self._volume.grid
        width, height = (max(1, round(grid.size[axis] * grid.spacing_mm[axis] / PIXEL_MM)) for axis in view.axes[:2])
        return width, height

    def _wall(self, plane: str, end: int) -> _Wall:
        """Add a wall at the first (0) or the last (1) slice of a plane, its front to the middle of the box."""
        view, grid = self._views[plane], self._volume.grid
        across, down, depth = view.axes
        (left, right), (top, bottom) = (
            (-0.5, grid.size[axis] - 0.5)[:: 1 if sign > 0 else -1]
            for axis, sign in zip((across, down), view.signs[:2], strict=True)
        )

        def place(column: float, row: float) -> NDArray[np.float64]:
            ijk = np.ones(4)
            ijk[[across, down, depth]] = column, row, (-0.5, grid.size[depth] - 0.5)[end]
            found: NDArray[np.float64] = (ras_from_grid(grid) @ ijk)[:3]
            return found

        middle = (ras_from_grid(grid) @ [*((np.array(grid.size) - 1) / 2), 1.0])[:3]
        origin, first, second = place(left, bottom), place(right, bottom), place(left, top)
        mirrored = bool(np.cross(first - origin, second - origin) @ (middle - origin) < 0)
        if mirrored:
            origin, first, second = place(right, bottom), place(left, bottom), place(right, top)
        source = vtkPlaneSource()
        source.SetOrigin(*origin.tolist())
        source.SetPoint1(*first.tolist())
        source.SetPoint2(*second.tolist())
        source.Update()
        node = self._scene.AddNewNodeByClass("vtkMRMLModelNode", f"Projection, {plane}")
        node.SetAndObservePolyData(source.GetOutput())
        node.SetSaveWithScene(False)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetVisibility2D(False)
        display.SetBackfaceCulling(True)
        display.SetColor(1, 1, 1)
        display.SetAmbient(1.0)
        display.SetDiffuse(0.0)
        return _Wall(plane, mirrored, node)


def _border(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    border: NDArray[np.bool_] = inside & ~ndimage.binary_erosion(inside, iterations=2)
    return border


def _set_texture(node: Any, picture: NDArray[np.uint8]) -> None:
    height, width, _ = picture.shape
    image = vtkImageData()
    image.SetDimensions(width, height, 1)
    pixels = numpy_to_vtk(np.ascontiguousarray(picture[::-1]).reshape(-1, 3), deep=True)  # textures begin at the bottom
    image.GetPointData().SetScalars(pixels)
    producer = vtkTrivialProducer()
    producer.SetOutput(image)
    node.GetDisplayNode().SetTextureImageDataConnection(producer.GetOutputPort())
