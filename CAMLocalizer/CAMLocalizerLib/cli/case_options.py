"""What the arguments of ``localize`` and ``batch`` ask for, as records of the library."""

from __future__ import annotations

import argparse

from ..core import CAMLocalizerError, OptionError, SettingsError
from ..localizer import LabelSettings, RunOptions
from ..localizer.label_settings import OF_MODEL

# Where the command line calls an option otherwise than Python.
FLAGS = {"uptake_border": "--border", "refinement": "--refine", "weights": "--scale-weights", "exports": "--export"}


def run_options(options: argparse.Namespace) -> RunOptions:
    """Return which model is to look, and with what.

    Raises:
        OptionError: an option out of range.
    """
    return RunOptions(
        model=options.model,
        device=options.device,
        view=options.view,
        map=options.map,
        precision=options.precision,
        batch_size=options.batch_size,
        unit=options.unit,
        exports=options.export,
    )


def label_settings(options: argparse.Namespace) -> LabelSettings:
    """Return how label maps are to be made; what is not given is left to the model.

    Raises:
        SettingsError: an option out of range, or weights without as many scales.
    """
    return LabelSettings(
        threshold=options.threshold,
        scales=options.scales,
        weights=_weights(options),
        probability_limit=options.probability_limit,
        min_volume_ml=options.min_volume_ml,
        keep_largest=options.keep_largest,
        refinement=options.refine,
        uptake_border=options.border,
    )


def _weights(options: argparse.Namespace) -> tuple[tuple[int, float], ...]:
    scales, weights = options.scales, options.scale_weights
    if weights is None:
        return OF_MODEL
    if not isinstance(scales, tuple) or len(weights) != len(scales):
        raise SettingsError(f"--scale-weights {weights} needs --scales with as many scales, got {scales}")
    return tuple(zip(scales, weights, strict=True))


def in_words(error: CAMLocalizerError) -> str:
    """Return the sentence of an error, which calls an option as the user of the command line typed it."""
    if not isinstance(error, OptionError):
        return str(error)
    return f"{FLAGS.get(error.option, '--' + error.option.replace('_', '-'))} {error.problem}"
