"""Pixels of DICOM files: stored values and rescaled values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError
from .dicom_files import Entry, transfer_syntax
from .image import prefix_path, single_channel
from .utf8_paths import utf8_folder

if TYPE_CHECKING:
    from pydicom import Dataset

MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
MULTI_FRAME_BYTES = "1.2.840.10008.5.1.4.1.1.7.2"
MULTI_FRAME_WORDS = "1.2.840.10008.5.1.4.1.1.7.3"
RLE = "1.2.840.10008.1.2.5"
GREY = ("MONOCHROME1", "MONOCHROME2")
_PIXEL_MODULE = (
    "SamplesPerPixel",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PlanarConfiguration",
    "PhotometricInterpretation",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "NumberOfFrames",
    "PixelData",
)


def measured_pixels(entry: Entry, wanted: Sequence[int]) -> NDArray[np.float32]:
    """Decode frames of a file and rescale each by its own slope and intercept, or by the modality lookup table.

    MONOCHROME1 concerns only the display and does not change the values.

    Args:
        entry: the file.
        wanted: indices of frames, from 0.

    Returns:
        Shape (frames, rows, columns).

    Raises:
        InputError: pixels that are damaged, in colour or in an unsupported compression; the message names the file.

    Source: DICOM PS3.3 C.7.6.3.1.2 and C.11.1.
    """
    with prefix_path(entry.path):
        return _measured(entry.path, wanted)


def _measured(path: Path, wanted: Sequence[int]) -> NDArray[np.float32]:
    from pydicom import dcmread

    try:
        header = dcmread(path, force=True)
        stored = stored_pixels(header)
        if stored.ndim == 4:
            stored = single_channel(stored, path)
        return np.stack([_rescaled(stored[index], header, index) for index in wanted])
    except InputError:
        raise
    except (MemoryError, OSError):
        raise
    except Exception as error:  # a damaged file can fail anywhere in the parser and in the decoders
        raise InputError(
            f"{path}: the DICOM pixels are damaged or in an unsupported compression; export them again"
        ) from error


def is_inverted(header: Dataset) -> bool:
    """Return whether low values of an image are displayed bright."""
    return str(header.get("PhotometricInterpretation", "")).strip() == "MONOCHROME1"


def rescale_types(header: Dataset) -> set[str]:
    """Return the RescaleType of a file and of its frames, without ``US``, which means unspecified."""
    groups = [
        *(header.get("PerFrameFunctionalGroupsSequence") or []),
        *(header.get("SharedFunctionalGroupsSequence") or []),
    ]
    parts = [part for group in groups for part in group.get("PixelValueTransformationSequence") or []]
    return {str(each.get("RescaleType", "") or "").strip() for each in (header, *parts)} - {"", "US"}


def stored_pixels(header: Dataset) -> NDArray[Any]:
    """Decode all frames of an image to their stored values.

    Args:
        header: dataset including its pixels.

    Returns:
        Shape (frames, rows, columns), with a last axis of channels for colour.

    Raises:
        InputError: an unsupported bit depth, or too few bytes.
        Exception: any error of a decoder on a damaged file.
    """
    shown = str(header.get("PhotometricInterpretation", "MONOCHROME2")).strip()
    syntax = transfer_syntax(header)
    if shown not in GREY or int(header.get("SamplesPerPixel", 1)) != 1 or (syntax.is_encapsulated and syntax != RLE):
        return _decoded(header)
    data = _unpacked(header) if syntax == RLE else header.PixelData
    return _stored_bits(header, data, little=syntax.is_little_endian)


def _unpacked(header: Dataset) -> bytes:
    """Decode run-length encoding with pydicom, since GDCM refuses some valid streams."""
    from pydicom.pixels import get_decoder

    data, _facts = get_decoder(transfer_syntax(header)).as_buffer(header, raw=True)
    return bytes(data)


def _stored_bits(header: Dataset, data: bytes, *, little: bool) -> NDArray[Any]:
    """Extract the stored bits of each uncompressed pixel, with their sign; shape (frames, rows, columns)."""
    allocated, stored = int(header.BitsAllocated), int(header.get("BitsStored", 0) or header.BitsAllocated)
    if allocated not in (8, 16, 32):
        raise InputError(f"has {allocated} bits per pixel; 8, 16 or 32 are supported")
    if not 1 <= stored <= allocated:
        raise InputError(f"BitsStored (0028,0101) is {stored} of {allocated} bits; export it again")
    kind = np.dtype(f"{'<' if little else '>'}u{allocated // 8}")
    shape = (int(header.get("NumberOfFrames", 1) or 1), int(header.Rows), int(header.Columns))
    if header["PixelData"].VR == "OW" and allocated == 8 and not little:
        data = np.frombuffer(data, ">u2").astype("<u2").tobytes()
    count = int(np.prod(shape, dtype=object))
    if len(data) < count * kind.itemsize:
        raise InputError("the DICOM pixels are truncated, or compressed without being declared so; copy the file again")
    words = np.frombuffer(data, kind, count).astype(kind.newbyteorder("=")).reshape(shape)
    words = words >> max(int(header.get("HighBit", stored - 1)) + 1 - stored, 0)
    if not int(header.get("PixelRepresentation", 0) or 0):
        return words & np.array((1 << stored) - 1, words.dtype)
    signed = (words << (allocated - stored)).view(np.dtype(f"i{allocated // 8}"))
    return signed >> (allocated - stored)


def _decoded(header: Dataset) -> NDArray[Any]:
    """Decode compressed or colour pixels with GDCM, from a copy that contains only the pixels."""
    import SimpleITK

    with _bare_copy(header) as path:
        reader = SimpleITK.ImageFileReader()
        reader.SetFileName(str(path))
        reader.SetImageIO("GDCMImageIO")
        image = reader.Execute()
    array = SimpleITK.GetArrayFromImage(image)
    return array if image.GetDimension() == 3 else array[np.newaxis]


@contextmanager
def _bare_copy(header: Dataset) -> Iterator[Path]:
    """Write a copy without scale, position or inversion, so that the decoder cannot change the values."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, generate_uid

    bare = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    for name in _PIXEL_MODULE:
        if name in header:
            bare[name] = header[name]
    frames = int(header.get("NumberOfFrames", 1) or 1)
    if frames == 1 and "NumberOfFrames" in bare:
        del bare.NumberOfFrames
    many = MULTI_FRAME_BYTES if int(header.BitsAllocated) == 8 else MULTI_FRAME_WORDS
    bare.SOPClassUID = bare.file_meta.MediaStorageSOPClassUID = many if frames > 1 else MR_IMAGE_STORAGE
    bare.SOPInstanceUID = bare.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    bare.file_meta.TransferSyntaxUID = UID(transfer_syntax(header))
    if str(header.get("PhotometricInterpretation", "")).strip() in GREY:
        bare.PhotometricInterpretation = "MONOCHROME2"
    with utf8_folder() as folder:
        path = folder / "pixels.dcm"
        bare.save_as(path, enforce_file_format=True)
        yield path


def _rescaled(stored: NDArray[Any], header: Dataset, index: int) -> NDArray[np.float32]:
    if header.get("ModalityLUTSequence"):
        from pydicom.pixels import apply_modality_lut

        return apply_modality_lut(stored, header).astype(np.float32)
    slope, intercept = _scale(header, index)
    return (stored * slope + intercept).astype(np.float32)


def _scale(header: Dataset, index: int) -> tuple[float, float]:
    """Return slope and intercept of a frame, from its own, the shared or the file's attributes, in this order."""
    frames = header.get("PerFrameFunctionalGroupsSequence") or []
    own = [frames[index]] if index < len(frames) else []
    for group in (*own, *(header.get("SharedFunctionalGroupsSequence") or [])):
        if part := group.get("PixelValueTransformationSequence"):
            return float(part[0].get("RescaleSlope", 1) or 1), float(part[0].get("RescaleIntercept", 0) or 0)
    slope = header.get("RescaleSlope")
    return 1.0 if slope in (None, "") else float(slope), float(header.get("RescaleIntercept") or 0)
