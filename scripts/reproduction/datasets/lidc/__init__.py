"""LIDC-IDRI for nodule classifiers: the prepared patches, and the collection in its original layout."""

from .crops import Square, cut, nodule_square
from .nodules import CLASSES, Nodule, read_nodule_images, read_nodules
from .original import OriginalImages, read_original_images

__all__ = [
    "CLASSES",
    "Nodule",
    "OriginalImages",
    "Square",
    "cut",
    "nodule_square",
    "read_nodule_images",
    "read_nodules",
    "read_original_images",
]
