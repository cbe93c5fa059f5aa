"""Colours of segments and the colour table of activation maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import SettingsError
from ..io.segmentation_writer import COLOURS

ACTIVATION_COLOURS_NAME = "CAMLocalizer activation"
ACTIVATION_COLOURS_TAG = "CAMLocalizerActivationColors"
COLOUR_COUNT = 256
OPAQUE_FROM = 0.5  # activation from which colours are opaque; slice views only tell transparent from not

# Dark violet to pale yellow through red, even steps in lightness (the look of matplotlib's inferno, CC0).
STOPS = np.array(
    [
        (0.00, 0.00, 0.01),
        (0.12, 0.05, 0.28),
        (0.33, 0.06, 0.43),
        (0.53, 0.13, 0.42),
        (0.73, 0.21, 0.33),
        (0.89, 0.35, 0.20),
        (0.98, 0.55, 0.04),
        (0.98, 0.79, 0.20),
        (0.99, 1.00, 0.64),
    ]
)


def segment_colours(count: int, colours: Sequence[Sequence[float]] = COLOURS) -> tuple[tuple[float, float, float], ...]:
    """Return a colour for each of ``count`` segments.

    Args:
        count: number of segments.
        colours: red, green, blue, 0 to 1; used again from the first when they run out.

    Raises:
        SettingsError: no colour, or one that is not three values in 0 to 1.
    """
    if not colours:
        raise SettingsError("no colour given for the segments; give at least one as red, green, blue from 0 to 1")
    return tuple(_checked(colours[index % len(colours)]) for index in range(count))


def _checked(colour: Sequence[float]) -> tuple[float, float, float]:
    values = [float(value) for value in colour]
    if len(values) != 3 or min(values) < 0 or max(values) > 1:
        raise SettingsError(f"a colour is red, green and blue from 0 to 1, got {tuple(values)}")
    red, green, blue = values
    return red, green, blue


def activation_rgba() -> NDArray[np.float64]:
    """Return the colours of activations 0 to 1 in even steps, shape (256, 4), 0 to 1: transparent at 0."""
    level = np.linspace(0.0, 1.0, COLOUR_COUNT)
    places = np.linspace(0.0, 1.0, len(STOPS))
    channels = [np.interp(level, places, STOPS[:, channel]) for channel in range(3)]
    return np.stack([*channels, np.clip(level / OPAQUE_FROM, 0.0, 1.0)], axis=1)  # (256, 4)


def activation_color_node(scene: Any) -> Any:
    """Return the scene's colour table for activation maps, made at the first call.

    A singleton of the scene, so that loading a saved scene does not add a second one.

    Args:
        scene: the ``vtkMRMLScene``.

    Returns:
        The ``vtkMRMLColorTableNode``: 256 colours, transparent at 0.
    """
    if (found := scene.GetSingletonNode(ACTIVATION_COLOURS_TAG, "vtkMRMLColorTableNode")) is not None:
        return found
    node = scene.CreateNodeByClass("vtkMRMLColorTableNode")
    node.UnRegister(None)  # the scene's factory hands over one reference too many
    node.SetName(ACTIVATION_COLOURS_NAME)
    node.SetSingletonTag(ACTIVATION_COLOURS_TAG)
    node.SetTypeToUser()
    node.SetNumberOfColors(COLOUR_COUNT)
    for index, colour in enumerate(activation_rgba()):
        node.SetColor(index, f"{index / (COLOUR_COUNT - 1):.3f}", *colour)
    return scene.AddNode(node)
