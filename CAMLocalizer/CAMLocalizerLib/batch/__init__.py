"""Whole archives: every volume of a folder tree or table localised by many processes or machines, through Dask.

:func:`~CAMLocalizerLib.batch.run_batch.run_batch` does it. Nothing is imported here, so that workers start at once.
"""

__all__: list[str] = []
