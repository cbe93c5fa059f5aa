"""Theme: the colours of the pictures, light or dark as the window is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Theme:
    """Colours that can be told apart by all eyes, red, green, blue from 0 to 255.

    Args:
        background: behind everything.
        muted: what is there but does not count.
        accent: what counts.
        curve: a line over both.
        marker: what is chosen now.
        frame: borders and guides.
    """

    background: Colour
    muted: Colour
    accent: Colour
    curve: Colour
    marker: Colour
    frame: Colour

    @classmethod
    def on(cls, background: Sequence[int]) -> Theme:
        """Return the colours that fit a background, for example that of the window."""
        red, green, blue = (int(channel) for channel in background)
        light = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 127
        return replace(LIGHT if light else DARK, background=(red, green, blue))


LIGHT = Theme((255, 255, 255), (191, 198, 206), (0, 114, 178), (213, 94, 0), (24, 28, 33), (216, 221, 226))
DARK = Theme((30, 33, 37), (88, 95, 104), (86, 180, 233), (240, 170, 50), (246, 248, 250), (64, 70, 78))
