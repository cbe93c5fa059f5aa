"""Stand-ins for the parts of Qt that paint: what they are told is drawn into an image, without smooth edges."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, ImageDraw


class Color(tuple):
    """Red, green, blue and opacity, 0 to 255."""

    def __new__(cls, red: int, green: int, blue: int, opacity: int = 255) -> Color:
        assert all(type(value) is int for value in (red, green, blue, opacity)), "PythonQt takes no numbers of numpy"
        return super().__new__(cls, (red, green, blue, opacity))


class Pixmap:
    """A picture, empty or from the bytes of a file."""

    def __init__(self, width: int = 0, height: int = 0) -> None:
        self.image = Image.new("RGB", (width, height))
        self.painters = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in physical pixels."""
        return self.image.size

    @property
    def array(self) -> np.ndarray:
        """The pixels, uint8, shape (rows, columns, 3)."""
        return np.array(self.image)

    def fill(self, color: Color) -> None:
        """Paint everything in a colour."""
        self.image.paste(color[:3], (0, 0, *self.size))

    def loadFromData(self, data: bytes) -> bool:  # noqa: N802
        """Read a file."""
        self.image = Image.open(io.BytesIO(data)).convert("RGB")
        return True

    def setDevicePixelRatio(self, factor: float) -> None:  # noqa: N802
        """Remember how sharp the picture is."""
        assert self.painters == 0, "a painter was not ended"
        self.factor = factor


class PainterPath(list):
    """The places that a line goes through."""

    def moveTo(self, x: float, y: float) -> None:  # noqa: N802
        """Begin at a place."""
        assert type(x) is float
        assert type(y) is float
        self.append((x, y))

    lineTo = moveTo  # noqa: N815

    def closeSubpath(self) -> None:  # noqa: N802
        """Go back to the beginning."""
        self.append(self[0])


class Pen:
    """Colour and width of a line."""

    def __init__(self) -> None:
        self.color, self.width = Color(0, 0, 0), 1.0

    def setColor(self, color: Color) -> None:  # noqa: N802
        """Set the colour."""
        self.color = color

    def setWidthF(self, width: float) -> None:  # noqa: N802
        """Set the width."""
        self.width = width


class Painter:
    """Paints on a pixmap between begin and end."""

    Antialiasing = 1

    def begin(self, pixmap: Pixmap) -> bool:
        """Begin to paint."""
        self._pixmap = pixmap
        pixmap.painters += 1
        return True

    def end(self) -> bool:
        """Paint no more."""
        self._pixmap.painters -= 1
        return True

    def setRenderHint(self, _hint: int, _on: bool) -> None:  # noqa: N802
        """Smooth edges or not."""

    def fillRect(self, left: int, top: int, width: int, height: int, color: Color) -> None:  # noqa: N802
        """Fill a rectangle."""
        assert all(type(value) is int for value in (left, top, width, height))
        if width > 0 and height > 0:
            self._draw(color).rectangle((left, top, left + width - 1, top + height - 1), fill=color)

    def fillPath(self, path: PainterPath, color: Color) -> None:  # noqa: N802
        """Fill what a line surrounds."""
        self._draw(color).polygon(list(path), fill=color)

    def strokePath(self, path: PainterPath, pen: Pen) -> None:  # noqa: N802
        """Draw a line."""
        self._draw(pen.color).line(list(path), fill=pen.color, width=max(1, round(pen.width)))

    def drawPixmap(self, left: int, top: int, width: int, height: int, pixmap: Pixmap) -> None:  # noqa: N802
        """Draw another picture."""
        assert all(type(value) is int for value in (left, top, width, height))
        self._pixmap.image.paste(pixmap.image.resize((width, height), Image.Resampling.NEAREST), (left, top))

    def _draw(self, color: Color) -> Any:
        return ImageDraw.Draw(self._pixmap.image, "RGB" if color[3] == 255 else "RGBA")


def painter_members() -> dict[str, Any]:
    """Return what stands in for the painting names of the module ``qt``."""
    return {
        "QBrush": lambda color: color,
        "QColor": Color,
        "QPainter": Painter,
        "QPainterPath": PainterPath,
        "QPen": Pen,
        "QPixmap": Pixmap,
    }
