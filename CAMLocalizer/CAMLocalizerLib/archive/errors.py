"""What can go wrong with an archive."""

from ..core import CAMLocalizerError


class ArchiveError(CAMLocalizerError):
    """An archive that refuses, lacks or damages what it was asked for."""


class ArchiveUnavailableError(ArchiveError):
    """An archive that does not answer, cannot be trusted or does not let anybody in, so that every study would fail."""


class StudySkippedError(ArchiveError):
    """A study that needs no result."""


class NoSuitableSeriesError(StudySkippedError):
    """A study without a series that the model is made for."""


class AlreadyAnsweredError(StudySkippedError):
    """A study whose archive holds the result of this model and these settings."""
