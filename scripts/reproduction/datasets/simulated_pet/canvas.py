"""Canvas: solids with soft edges painted into a voxel array."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, ...] | NDArray[np.float64]
Box = tuple[slice, slice, slice]
EDGE = 1.0  # edges are soft over one voxel, which is the partial volume of a voxel that the surface cuts


@dataclass(eq=False)
class Canvas:
    """Activity on a voxel grid in the coordinates of a standard body.

    Args:
        left_mm: position of the columns (axis i) in the standard body, to the left; ascending.
        back_mm: of the rows (axis j), to the back; ascending.
        down_mm: of the slices (axis k), downwards from the top of the head; descending, since k points up.
        array_kji: activity in SUV, changed in place.
    """

    left_mm: NDArray[np.float32]
    back_mm: NDArray[np.float32]
    down_mm: NDArray[np.float32]
    array_kji: NDArray[np.float32]

    @cached_property
    def voxel_mm(self) -> float:
        """Mean edge of a voxel in standard millimetres."""
        steps = [abs(float(axis[1] - axis[0])) for axis in (self.left_mm, self.back_mm, self.down_mm)]
        return float(np.mean(steps))

    @cached_property
    def voxel_volume_mm3(self) -> float:
        """Volume of a voxel in cubic standard millimetres."""
        return float(np.prod([abs(axis[1] - axis[0]) for axis in (self.left_mm, self.back_mm, self.down_mm)]))

    def box(self, low: Point, high: Point) -> Box:
        """Find the voxels between two corners (left, back, down), a voxel more on each side."""
        margin = 2 * self.voxel_mm
        spans = []
        for axis, start, stop in zip((self.left_mm, self.back_mm, self.down_mm), low, high, strict=True):
            inside = np.flatnonzero((axis >= start - margin) & (axis <= stop + margin))
            spans.append(slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0, 0))
        return spans[2], spans[1], spans[0]

    def offsets(self, box: Box, centre: Point) -> tuple[NDArray, NDArray, NDArray]:
        """Return left, back and down distances from ``centre`` of the voxels in ``box``, broadcastable to (k, j, i)."""
        left = self.left_mm[box[2]][None, None, :] - np.float32(centre[0])
        back = self.back_mm[box[1]][None, :, None] - np.float32(centre[1])
        down = self.down_mm[box[0]][:, None, None] - np.float32(centre[2])
        return left, back, down

    def soften(self, inside_mm: NDArray) -> NDArray[np.float32]:
        """Turn the distance to a surface, positive inside, into the share of the voxel that lies inside."""
        return np.clip(0.5 + inside_mm / np.float32(EDGE * self.voxel_mm), 0.0, 1.0).astype(np.float32)

    def ellipsoid_share(self, centre: Point, semi: Point, tilt_deg: float = 0.0) -> tuple[Box, NDArray[np.float32]]:
        """Find an ellipsoid's share of each voxel.

        Args:
            centre: left, back, down in mm.
            semi: half axes in mm.
            tilt_deg: turns it in the coronal plane; positive brings its lower end to the left.

        Returns:
            The voxels it lies in, and the shares, shape of the box.
        """
        reach = float(np.max(semi))
        extent = (reach, semi[1], reach) if tilt_deg else semi
        low = tuple(c - e for c, e in zip(centre, extent, strict=True))
        high = tuple(c + e for c, e in zip(centre, extent, strict=True))
        box = self.box(low, high)
        left, back, down = self.offsets(box, centre)
        cos, sin = np.float32(np.cos(np.deg2rad(tilt_deg))), np.float32(np.sin(np.deg2rad(tilt_deg)))
        across, along = (left * cos - down * sin, left * sin + down * cos) if tilt_deg else (left, down)
        radius = np.sqrt((across / semi[0]) ** 2 + (back / semi[1]) ** 2 + (along / semi[2]) ** 2)
        return box, self.soften((1.0 - radius) * np.float32(np.prod(semi) ** (1 / 3)))

    def paint(self, box: Box, share: NDArray, value: float | NDArray) -> None:
        """Replace a share of each voxel of ``box`` by ``value``."""
        part = self.array_kji[box]
        part += share * (value - part)

    def ellipsoid(self, centre: Point, semi: Point, value: float, tilt_deg: float = 0.0) -> None:
        """Paint an ellipsoid; arguments as for :meth:`ellipsoid_share`, ``value`` in SUV."""
        self.paint(*self.ellipsoid_share(centre, semi, tilt_deg), value)

    def shell(self, centre: Point, semi: Point, wall_mm: float, values: tuple[float, float], tilt: float = 0.0) -> None:
        """Paint an ellipsoid with a wall of ``wall_mm``; ``values`` are the SUV of wall and content."""
        self.ellipsoid(centre, semi, values[0], tilt)
        inner = (semi[0] - wall_mm, semi[1] - wall_mm, semi[2] - wall_mm)
        self.ellipsoid(centre, inner, values[1], tilt)

    def tube(self, points: NDArray, radius_mm: float, values: float | NDArray) -> None:
        """Paint a round tube along a polyline.

        Args:
            points: (n, 3) left, back, down in mm.
            radius_mm: radius.
            values: SUV, one or one per stretch (n - 1,).
        """
        stretches = np.broadcast_to(np.asarray(values, dtype=np.float32), (len(points) - 1,))
        for start, stop, value in zip(points[:-1], points[1:], stretches, strict=True):
            low = tuple(np.minimum(start, stop) - radius_mm)
            high = tuple(np.maximum(start, stop) + radius_mm)
            box = self.box(low, high)
            self.paint(box, self._capsule(box, start, stop, radius_mm), float(value))

    def _capsule(self, box: Box, start: NDArray, stop: NDArray, radius_mm: float) -> NDArray[np.float32]:
        left, back, down = self.offsets(box, tuple(start))
        axis = np.asarray(stop - start, dtype=np.float32)
        along = (left * axis[0] + back * axis[1] + down * axis[2]) / np.float32(max(float(axis @ axis), 1e-6))
        along = np.clip(along, 0.0, 1.0)
        rest = (left - along * axis[0]) ** 2 + (back - along * axis[1]) ** 2 + (down - along * axis[2]) ** 2
        return self.soften(np.float32(radius_mm) - np.sqrt(rest))

    def column(self, levels: NDArray, centre_left_mm: float, value: float, shrink_mm: float = 0.0) -> None:
        """Paint a column of elliptic cross-sections.

        Args:
            levels: (n, 4): down, half width, half depth, back position of the centre, mm; down ascending.
            centre_left_mm: position of the column.
            value: SUV.
            shrink_mm: taken off both half axes, which gives what lies below a layer of that thickness.
        """
        shifts = float(levels[0, 0]), float(levels[-1, 0])
        widest, deepest = levels[:, 1].max(), levels[:, 2].max() + np.abs(levels[:, 3]).max()
        box = self.box((centre_left_mm - widest, -deepest, shifts[0]), (centre_left_mm + widest, deepest, shifts[1]))
        down = self.down_mm[box[0]]
        width, depth, back_at = (
            np.interp(down, levels[:, 0], levels[:, column]).astype(np.float32)[:, None, None] for column in (1, 2, 3)
        )
        width, depth = np.maximum(width - shrink_mm, 1.0), np.maximum(depth - shrink_mm, 1.0)
        left, back, _ = self.offsets(box, (centre_left_mm, 0.0, 0.0))
        radius = np.sqrt((left / width) ** 2 + ((back - back_at) / depth) ** 2)
        ends = np.minimum(down - shifts[0], shifts[1] - down)[:, None, None]
        self.paint(box, self.soften(np.minimum((1.0 - radius) * np.sqrt(width * depth), ends)), value)
