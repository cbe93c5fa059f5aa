"""The error tree."""


class CAMLocalizerError(Exception):
    """Base class of all errors raised by CAMLocalizer.

    Each message says what was found, what was expected and what to do::

        CAMLocalizerError
        ├── InputError        a file, folder or array that cannot be used as it is
        │   ├── GridError     geometry: spacing, direction, size, shear
        │   └── SeriesError   a DICOM folder without one clear series
        ├── SettingsError     options that do not fit each other, the model or the volume
        │   └── OptionError   a view, threshold, device or other option out of range
        ├── ModelError        a bundle that is unknown, incomplete, changed or of another network
        └── OutputError       a folder that exists, cannot be written or is full
    """


class InputError(CAMLocalizerError):
    """A file, folder or array that cannot be used as it is."""


class GridError(InputError):
    """A geometry that is not an orthogonal voxel grid (right- or left-handed)."""


class SeriesError(InputError):
    """A DICOM folder that does not contain exactly one complete series."""


class SettingsError(CAMLocalizerError):
    """An option outside its range, or one that the model or volume does not have."""


class OptionError(SettingsError):
    """An option out of its range; it knows the option's name, so that each user interface calls it as its users do.

    Args:
        option: name of the option in Python.
        problem: rest of the sentence: what was expected and what was got.
    """

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(option, problem)  # both, so that the error can be sent to another process
        self.option = option
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.option} {self.problem}"


class ModelError(CAMLocalizerError):
    """A model bundle that is unknown, incomplete, changed or made for another network."""


class OutputError(CAMLocalizerError):
    """An output location that already exists, is not writable or is full."""
