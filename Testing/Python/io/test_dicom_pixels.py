"""DICOM pixels equal the stored ones, rescaled as in the standard, in every encoding."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_series import write_series
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from CAMLocalizerLib.core import Grid, InputError, Volume
from CAMLocalizerLib.io import read_volume


def inverted(header: Dataset, k: int) -> None:
    header.PhotometricInterpretation = "MONOCHROME1"


def test_monochrome1_does_not_change_values(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_series(tmp_path / "s", stored, oblique_grid, patch=inverted)
    volume = read_volume(tmp_path / "s")
    np.testing.assert_array_equal(volume.array_kji, stored)
    assert volume.inverted


def test_compressed_monochrome1_does_not_change_values(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    def patch(header: Dataset, k: int) -> None:
        header.compress(JPEGLSLossless)
        header.PhotometricInterpretation, header.RescaleSlope, header.RescaleIntercept = "MONOCHROME1", 2, -1000

    write_series(tmp_path / "s", stored, oblique_grid, patch=patch)
    np.testing.assert_array_equal(read_volume(tmp_path / "s").array_kji, stored * 2.0 - 1000)


def test_inverted_volumes_are_displayed_mirrored_within_their_range(oblique_grid: Grid) -> None:
    array = np.arange(np.prod(oblique_grid.size), dtype=np.float32).reshape(oblique_grid.shape_kji) + 5
    shown = Volume(array, oblique_grid, inverted=True).displayed()
    np.testing.assert_array_equal(shown.array_kji, array[::-1, ::-1, ::-1])
    assert not shown.inverted
    assert Volume(array, oblique_grid).displayed().array_kji[0, 0, 0] == 5


def test_mixed_monochrome_slices_are_refused(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    write_series(tmp_path / "s", stored, oblique_grid, patch=lambda header, k: inverted(header, k) if k % 2 else None)
    with pytest.raises(InputError, match="MONOCHROME1 and MONOCHROME2"):
        read_volume(tmp_path / "s")


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("bits", [10, 12, 16])
def test_only_the_stored_bits_are_used(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, bits: int, signed: int
) -> None:
    """Old overlays live in the bits above; values are two's complement of the stored bits."""
    values = stored.astype(np.int32) % (1 << bits)
    expected = np.where(values >= 1 << (bits - 1), values - (1 << bits), values) if signed else values

    def patch(header: Dataset, k: int) -> None:
        header.BitsStored, header.HighBit, header.PixelRepresentation = bits, bits - 1, signed
        header.PixelData = (values[k] | (1 << bits if bits < 16 else 0)).astype("<u2").tobytes()

    write_series(tmp_path / "s", stored, oblique_grid, patch=patch)
    np.testing.assert_array_equal(read_volume(tmp_path / "s").array_kji, expected)


def test_a_modality_table_is_applied(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    def patch(header: Dataset, k: int) -> None:
        table = Dataset()
        table.LUTDescriptor, table.ModalityLUTType = [4000, 0, 16], "US"
        table.LUTData = (np.arange(4000, dtype=np.uint16) // 3 + 7).tolist()
        table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
        header.ModalityLUTSequence = [table]
        del header.RescaleSlope, header.RescaleIntercept

    write_series(tmp_path / "s", stored, oblique_grid, patch=patch)
    header = pydicom.dcmread(next(iter((tmp_path / "s").glob("*_0.dcm"))))
    volume = read_volume(tmp_path / "s")
    np.testing.assert_array_equal(volume.array_kji[0], apply_modality_lut(stored[0], header))
    np.testing.assert_array_equal(volume.array_kji, stored // 3 + 7)


@pytest.mark.parametrize(
    "syntax", [DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless]
)
def test_every_encoding_gives_the_same_pixels(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, syntax: str
) -> None:
    def patch(header: Dataset, k: int) -> None:
        if syntax == RLELossless:
            header.compress(RLELossless)
        header.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            header.PixelData = stored[k].astype(">u2").tobytes()

    write_series(tmp_path / "s", stored, oblique_grid, patch=patch)
    np.testing.assert_array_equal(read_volume(tmp_path / "s").array_kji, stored)


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("suffix", [".dcm", ""])
def test_files_without_preamble_are_read(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid, suffix: str, implicit: bool
) -> None:
    write_series(tmp_path / "s", stored, oblique_grid)
    for path in list((tmp_path / "s").iterdir()):
        header = pydicom.dcmread(path)
        stream = io.BytesIO()
        plain = Dataset({element.tag: element for element in header})
        pydicom.dcmwrite(stream, plain, implicit_vr=implicit, little_endian=True)
        path.unlink()
        path.with_suffix(suffix).write_bytes(stream.getvalue())
    volume = read_volume(tmp_path / "s")
    np.testing.assert_array_equal(volume.array_kji, stored)
    assert volume.grid.matches(oblique_grid)
    one = next(iter((tmp_path / "s").iterdir()))
    assert read_volume(one).array_kji.shape == (1, 24, 20)


def test_pixels_that_do_not_fill_the_frame_are_refused(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    """As with compressed pixels whose transfer syntax was lost; following data make the file long enough."""

    def patch(header: Dataset, k: int) -> None:
        header.PixelData = b"\0" * 10
        header.DataSetTrailingPadding = b"\0" * 2000

    write_series(tmp_path / "s", stored, oblique_grid, patch=patch)
    with pytest.raises(InputError, match="truncated, or compressed without being declared so"):
        read_volume(tmp_path / "s")
