"""Simulated survival with a known hazard."""

from __future__ import annotations

import numpy as np

from CAMLocalizerLib.outcome import Observations, SurvivalData

BASE_HAZARD = 0.3  # per year
LONGEST_YEARS = 8.0


def simulated(count: int, features: int, strength: float, *, seed: int = 0, patients=None) -> SurvivalData:
    """Exponential times whose log hazard is ``strength`` times the first feature; censored evenly up to 8 years."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(count, features))
    hazard = BASE_HAZARD * np.exp(strength * values[:, 0])
    times, ends = generator.exponential(1 / hazard), generator.uniform(0.5, LONGEST_YEARS, count)
    observed = Observations(np.minimum(times, ends), times <= ends)
    names = tuple(f"feature_{index}" for index in range(features))
    owners = np.arange(count).astype(str) if patients is None else patients
    return SurvivalData(values, names, observed, owners, tuple(f"case-{index}" for index in range(count)))


def true_probabilities(data: SurvivalData, strength: float, years: float) -> np.ndarray:
    """Return the probability of an event by a time that :func:`simulated` gave each case."""
    return 1 - np.exp(-BASE_HAZARD * np.exp(strength * data.features[:, 0]) * years)
