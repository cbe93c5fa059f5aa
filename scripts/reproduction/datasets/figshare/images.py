"""The figshare brain tumour collection as images with labels; masks, boxes and pixel counts are left alone."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import InputError, SettingsError
from CAMLocalizerLib.training.images import ImageSet
from CAMLocalizerLib.views import normalise_slices
from CAMLocalizerLib.views.resampling import apply_weights, linear_weights

from ..csv_rows import read_rows

IMAGES, LABELS = "images_256.zip", "labels.csv"
CLASSES = ("meningioma", "glioma", "pituitary tumour")
TUMOURS = ("meningioma", "glioma", "pituitary")  # as the collection calls the classes, in the same order


def figshare_image_set(
    folder: Path, *, size: int, normalisation: str = "foreground-zscore", channels: int = 1
) -> ImageSet:
    """Read every slice of the collection as one square image.

    The whole field of view is resampled to ``size`` x ``size`` pixels whatever its millimetres are, averaging what
    would otherwise alias, then each image is normalised by itself.

    Args:
        folder: holds ``images_256.zip`` and ``labels.csv``.
        size: height and width wanted, at least 1.
        normalisation: as for `normalise_slices`.
        channels: channels of an image, all the same; 3 for networks that were made for colour.

    Returns:
        Images (N, channels, size, size) of three classes; folds and patients are the collection's ``group_fold`` and
        ``patient_group``, names the four digits of ``id``.

    Raises:
        InputError: a file is missing, empty or no zip archive, images that the labels name are missing from it, a
            tumour that is none of the three types, or a patient in two folds.
        SettingsError: a size or number of channels below 1, or an unknown normalisation.

    Source:
        Cheng, brain tumor dataset, figshare, doi:10.6084/m9.figshare.1512427.
    """
    if size < 1 or channels < 1:
        raise SettingsError(f"size and channels of images must be at least 1, got {size} and {channels}")
    rows = read_rows(folder / LABELS)
    if not rows:
        raise InputError(f"{folder / LABELS} names no slices")
    if unknown := sorted({row["tumor"] for row in rows} - set(TUMOURS)):
        raise InputError(f"{folder / LABELS} names tumours {unknown}, expected {sorted(TUMOURS)}")
    names = [slice_name(row["id"]) for row in rows]
    squares = np.stack([to_square(pixels, size) for pixels in read_pictures(folder / IMAGES, names)])
    images = normalise_slices(squares, normalisation)
    return ImageSet(
        images=np.repeat(images[:, None], channels, axis=1),  # (N, channels, size, size)
        labels=np.array([TUMOURS.index(row["tumor"]) for row in rows], dtype=np.int64),
        classes=CLASSES,
        patients=np.array([row["patient_group"] for row in rows]),
        folds=np.array([int(row["group_fold"]) for row in rows], dtype=np.int64),
        names=np.array(names),
    )


def slice_name(identifier: str | int) -> str:
    """Return the name that a slice's files carry, without ending: four digits."""
    return f"{int(identifier):04d}"


def read_pictures(archive: Path, names: Sequence[str]) -> Iterator[NDArray[np.float32]]:
    """Read ``NAME.png`` of each name, intensities as stored, float32, shape (rows, columns).

    Raises:
        InputError: the archive is missing or no zip archive, or names are missing from it.
    """
    try:
        with zipfile.ZipFile(archive) as pictures:
            if missing := sorted({f"{name}.png" for name in names} - set(pictures.namelist())):
                raise InputError(f"{archive} lacks {len(missing)} of {len(names)} pictures: {', '.join(missing[:8])}")
            for name in names:
                yield _read_png(pictures, f"{name}.png")
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{archive} cannot be read: {error}; see the data's README for where it comes from") from error


def _read_png(archive: zipfile.ZipFile, name: str) -> NDArray[np.float32]:
    from PIL import Image

    with archive.open(name) as file, Image.open(file) as image:
        return np.asarray(image.convert("L"), dtype=np.float32)


def to_square(pixels: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Resample a whole picture (rows, columns) to (size, size), averaging what would otherwise alias."""
    rows, columns = (_whole_extent(count, size) for count in pixels.shape)
    return apply_weights(rows, pixels, columns)


def _whole_extent(count: int, size: int) -> NDArray[np.float32]:
    """Weights (size, count) of ``size`` samples that share the extent of ``count``."""
    step = count / size
    return linear_weights((np.arange(size) + 0.5) * step - 0.5, count, width=step)
