"""Whole archives: every volume of a folder tree or table localised by many processes or machines, through Dask."""

from .errors import BatchError
from .run import Step, run_batch

__all__ = ["BatchError", "Step", "run_batch"]
