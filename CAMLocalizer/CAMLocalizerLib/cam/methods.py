"""Methods by their names in model bundles and on the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import nn

from ..core import SettingsError
from .classmap import CAM
from .gradcam import GradCAM
from .gradcam_plus_plus import GradCAMPlusPlus
from .layercam import LayerCAM
from .multigap import MultiGAPCAM
from .pyramid import PyramidGradCAM
from .soft import HESAM, SAM

Layers = Mapping[int, str]


def build_method(name: str, model: nn.Module, layers: Layers, *, tile: int | None = None) -> GradCAM:
    """Create a method by name for a classifier.

    Args:
        name: a key of `METHODS`. ``pg-cam`` and ``grad-cam`` compute the same maps; ``pg-cam`` is meant for fusion over
            scales, ``grad-cam`` for one layer. ``cam``, ``sam``, ``hesam`` and ``multi-gap-cam`` need matching heads.
        model: a classifier.
        layers: scale to layer name.
        tile: images at a time for ``pg-cam``, see `PyramidGradCAM`.

    Raises:
        SettingsError: an unknown name or layer, or several layers for a single-layer method.
        ModelError: a head that the method does not support.
    """
    if name not in METHODS:
        raise SettingsError(f"map must be one of {', '.join(METHODS)}, got {name!r}")
    if name == "pg-cam":
        return PyramidGradCAM(model, layers, tile=tile)
    return METHODS[name](model, layers)


def _single_layer(layers: Layers) -> str:
    if len(layers) != 1:
        raise SettingsError(f"this method needs a single layer, the model has scales {sorted(layers)}; use pg-cam")
    return next(iter(layers.values()))


METHODS: Mapping[str, Callable[[nn.Module, Layers], GradCAM]] = MappingProxyType(
    {
        "pg-cam": PyramidGradCAM,
        "grad-cam": GradCAM,
        "grad-cam++": GradCAMPlusPlus,
        "layer-cam": LayerCAM,
        "cam": lambda model, layers: CAM(model, _single_layer(layers), "head"),
        "multi-gap-cam": lambda model, _layers: MultiGAPCAM(model),  # type: ignore[arg-type]  # it checks the model
        "sam": lambda model, layers: SAM(model, _single_layer(layers)),
        "hesam": lambda model, layers: HESAM(model, _single_layer(layers)),
    }
)
