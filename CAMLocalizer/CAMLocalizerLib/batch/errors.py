"""BatchError: what ends a whole batch."""

from ..core import CAMLocalizerError


class BatchError(CAMLocalizerError):
    """A scheduler or workers that do not answer, or that cannot do the work at all."""
