"""Arrays that cannot be changed by accident."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike, NDArray


def read_only(array: NDArray, dtype: DTypeLike) -> NDArray:
    """Return a read-only view of ``array`` as ``dtype``; memory is copied only where the type must change."""
    view = np.asarray(array, dtype=dtype).view()
    view.setflags(write=False)
    return view
