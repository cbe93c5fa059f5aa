"""Small pictures of the page: bars as SVG paths, maps as PNG."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..mrml.colours import activation_rgba


def bars_path(heights: NDArray[np.floating], size: tuple[int, int]) -> str:
    """Return bars as an SVG path.

    Args:
        heights: 0 to 1, shape (bars,).
        size: width and height of the drawing.
    """
    width, height = size
    step = width / max(1, len(heights))
    bars = "".join(f"V{height * (1 - tall):.1f}H{(at + 1) * step:.1f}" for at, tall in enumerate(heights.tolist()))
    return f"M0 {height}{bars}V{height}Z"


def histogram_path(counts: NDArray[np.int64], size: tuple[int, int]) -> str:
    """Return counts as bars, logarithmic, since the few voxels of high activation are those that matter."""
    heights = np.log1p(counts.astype(np.float64))
    return bars_path(heights / max(float(heights.max(initial=0)), 1.0), size)


def map_address(activation: NDArray[np.float32], size: int) -> str:
    """Return a map in the colours of activation, as an address that holds the picture.

    Args:
        activation: 0 to 1, shape (rows, columns).
        size: pixels of the longer side.
    """
    levels = Image.fromarray(np.clip(activation * 255, 0, 255).astype(np.uint8))
    scale = size / max(levels.size)
    levels = levels.resize([max(1, round(side * scale)) for side in levels.size], Image.Resampling.BICUBIC)
    colours = (activation_rgba()[:, :3] * 255).round().astype(np.uint8)  # (256, 3)
    buffer = io.BytesIO()
    Image.fromarray(colours[np.asarray(levels)]).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
