"""Training from labels of whole slices."""

from .brain_data import CLASSES, read_brain_slices
from .brain_t1ce import RECIPE, candidate_regions, model_card, train
from .self_training import Recipe, SelfTraining
from .slices import SliceSet, join

__all__ = [
    "CLASSES",
    "RECIPE",
    "Recipe",
    "SelfTraining",
    "SliceSet",
    "candidate_regions",
    "join",
    "model_card",
    "read_brain_slices",
    "train",
]
