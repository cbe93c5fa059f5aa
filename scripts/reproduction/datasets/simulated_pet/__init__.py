"""A simulated FDG body: organs with cited uptake, a lesion in lung or oesophagus, and a scanner."""

from .case import CLASSES, SimulatedCase, cropped_around_lesion, simulate
from .uptake import UPTAKE, Uptake, draw_uptake

__all__ = ["CLASSES", "UPTAKE", "SimulatedCase", "Uptake", "cropped_around_lesion", "draw_uptake", "simulate"]
