"""Read-only arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike, NDArray


def read_only(array: NDArray, dtype: DTypeLike) -> NDArray:
    """Return a read-only view of ``array`` as ``dtype``; data is copied only if the dtype changes."""
    view = np.asarray(array, dtype=dtype).view()
    view.setflags(write=False)
    return view
