"""The error tree."""


class CAMLocalizerError(Exception):
    """Base class of all errors raised by CAMLocalizer.

    Each message says what was found, what was expected and what to do::

        CAMLocalizerError
        ├── InputError        a file, folder or array that cannot be used as it is
        │   ├── GridError     geometry: spacing, direction, size, shear
        │   └── SeriesError   a DICOM folder without one clear series
        ├── SettingsError     a view, scale, threshold, device or other option out of range
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


class ModelError(CAMLocalizerError):
    """A model bundle that is unknown, incomplete, changed or made for another network."""


class OutputError(CAMLocalizerError):
    """An output location that already exists, is not writable or is full."""
