"""CAMLocalizer: tumours in medical images from the class activation maps of classifiers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import VERSION

if TYPE_CHECKING:
    from .core import (
        ActivationMap,
        ActivationPyramid,
        CAMLocalizerError,
        Grid,
        GridError,
        InputError,
        LabelMap,
        ModelError,
        OutputError,
        SeriesError,
        SettingsError,
        Volume,
    )
    from .io import read_volume
    from .localizer import LabelSettings, Localization, Localizer, ProjectionLocalization
    from .models import ModelBundle, ModelCard, bundled_models, load_model


__version__ = VERSION

__all__ = [
    "ActivationMap",
    "ActivationPyramid",
    "CAMLocalizerError",
    "Grid",
    "GridError",
    "InputError",
    "LabelMap",
    "LabelSettings",
    "Localization",
    "Localizer",
    "ModelBundle",
    "ModelCard",
    "ModelError",
    "OutputError",
    "ProjectionLocalization",
    "SeriesError",
    "SettingsError",
    "Volume",
    "bundled_models",
    "load_model",
    "read_volume",
]

# Layers are imported when one of their names is first asked for: the package itself opens without torch.
_LAYERS = {
    "io": ("read_volume",),
    "models": ("ModelBundle", "ModelCard", "bundled_models", "load_model"),
    "localizer": ("LabelSettings", "Localization", "Localizer", "ProjectionLocalization"),
}
_LAYER_OF = {name: layer for layer, names in _LAYERS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_LAYER_OF.get(name, 'core')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
