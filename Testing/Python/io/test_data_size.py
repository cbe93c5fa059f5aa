"""Headers that describe far more voxels than the file can hold."""

from __future__ import annotations

import bz2
import gzip
import struct
import zlib

import pytest

from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.io import data_size, read_volume

NRRD = (
    "NRRD0004\ntype: uint8\ndimension: 3\nspace: left-posterior-superior\nsizes: {sizes}\n"
    "space directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\nencoding: {encoding}\n"
)
META = (
    "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = {compressed}\n"
    "DimSize = {sizes}\nElementSpacing = 1 1 1\nElementType = MET_UCHAR\nElementDataFile = {data}\n"
)
HUGE = "2000 2000 1500"
DATA = bytes(range(1, 121))


@pytest.mark.parametrize(("encoding", "data"), [("raw", DATA), ("gzip", gzip.compress(DATA))])
def test_an_nrrd_of_a_few_bytes_that_claims_gigabytes_is_refused_unread(tmp_path, encoding, data) -> None:
    path = tmp_path / "a.nrrd"
    path.write_bytes(NRRD.format(sizes=HUGE, encoding=encoding).encode() + b"\n" + data)
    with pytest.raises(
        InputError, match=rf"a\.nrrd: .* describes 2000 x 2000 x 1500 voxels, .* only {path.stat().st_size}"
    ):
        read_volume(path)


@pytest.mark.parametrize(("compressed", "data"), [(False, DATA), (True, zlib.compress(DATA))])
def test_a_meta_image_of_a_few_bytes_that_claims_gigabytes_is_refused_unread(tmp_path, compressed, data) -> None:
    path = tmp_path / "a.mha"
    path.write_bytes(META.format(sizes=HUGE, compressed=compressed, data="LOCAL").encode() + data)
    with pytest.raises(InputError, match="describes 2000 x 2000 x 1500 voxels"):
        read_volume(path)


def test_the_data_file_of_a_header_is_measured_not_the_header(tmp_path) -> None:
    (tmp_path / "a.zraw").write_bytes(zlib.compress(DATA))
    (tmp_path / "a.mhd").write_text(META.format(sizes=HUGE, compressed=True, data="a.zraw"))
    size = (tmp_path / "a.zraw").stat().st_size
    with pytest.raises(InputError, match=f"have only {size} bytes"):
        read_volume(tmp_path / "a.mhd")


@pytest.mark.parametrize("name", ["parts/a.zraw", "./a.zraw"])
def test_the_data_file_may_lie_in_another_folder(tmp_path, name) -> None:
    voxels = bytes(range(200)) * 60
    (tmp_path / "parts").mkdir()
    (tmp_path / name).write_bytes(zlib.compress(voxels))
    head = META.format(sizes="30 20 20", compressed=True, data=name)
    size = (tmp_path / name).stat().st_size
    (tmp_path / "a.mhd").write_text(head.replace("DimSize", f"CompressedDataSize = {size}\nDimSize"))
    assert read_volume(tmp_path / "a.mhd").array_kji.astype("uint8").tobytes() == voxels


@pytest.mark.parametrize("name", ["a" * 400, "missing.raw", "..", "LIST", "a.%03d.raw 1 20 1"])
def test_data_files_that_cannot_be_measured_are_left_to_the_reader(tmp_path, name) -> None:
    (tmp_path / "a.mhd").write_text(META.format(sizes="30 20 20", compressed=False, data=name))
    with pytest.raises(InputError, match=r"a\.mhd: "):
        read_volume(tmp_path / "a.mhd")


def test_a_list_of_slices_must_name_every_one(tmp_path) -> None:
    for k in range(6):
        (tmp_path / f"{k}.raw").write_bytes(DATA[20 * k : 20 * k + 20])
    head = META.format(sizes="4 5 6", compressed=False, data="LIST")

    def read(names: list[str]) -> bytes:
        (tmp_path / "a.mhd").write_text(head + "".join(f"{name}\n" for name in names))
        return read_volume(tmp_path / "a.mhd").array_kji.astype("uint8").tobytes()

    assert read([f"{k}.raw" for k in range(6)]) == DATA
    with pytest.raises(InputError, match="lists 5 files, but its header describes 6"):
        read([f"{k}.raw" for k in range(5)])
    with pytest.raises(InputError, match=r"the listed file 9\.raw is missing"):
        read([f"{k}.raw" for k in (0, 1, 2, 9, 4, 5)])


def test_an_image_compressed_as_far_as_deflate_goes_is_still_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(data_size, "LARGE_BYTES", 0)
    voxels = bytes(200 * 200 * 150 - 1) + b"\1"  # close to 1032 to 1
    data = zlib.compress(voxels, 9)
    path = tmp_path / "a.mha"
    path.write_bytes(compressed_meta_image("200 200 150", len(data)) + data)
    assert 900 < len(voxels) / path.stat().st_size < 1032
    assert read_volume(path).array_kji[-1, -1, -1] == 1


def test_compressed_data_of_a_meta_image_are_read_only_when_whole(tmp_path) -> None:
    voxels = bytes(range(200)) * 60
    data = zlib.compress(voxels)
    path = tmp_path / "a.mha"

    def read(data: bytes, size: str = "30 20 20") -> bytes:
        path.write_bytes(compressed_meta_image(size, len(data)) + data)
        return read_volume(path).array_kji.astype("uint8").tobytes()

    assert read(data) == voxels
    with pytest.raises(InputError, match="compressed data are truncated or damaged"):
        read(data[: len(data) // 2])
    with pytest.raises(InputError, match="compressed data are truncated or damaged"):
        read(data[:-2] + bytes([data[-2] ^ 255, data[-1]]))  # the checksum
    with pytest.raises(InputError, match="describes 18000 bytes of voxels, but its data have 12000"):
        read(data, "30 20 30")
    path.write_bytes(META.format(sizes="30 20 20", compressed=True, data="LOCAL").encode() + data)
    with pytest.raises(InputError, match="CompressedDataSize is missing"):
        read_volume(path)


def compressed_meta_image(sizes: str, data_bytes: int) -> bytes:
    head = META.format(sizes=sizes, compressed=True, data="LOCAL")
    return head.replace("DimSize", f"CompressedDataSize = {data_bytes}\nDimSize").encode()


def test_an_nrrd_compressed_by_bzip2_is_refused_for_that_reason(tmp_path) -> None:
    (tmp_path / "a.nrrd").write_bytes(
        NRRD.format(sizes="4 5 6", encoding="bzip2").encode() + b"\n" + bz2.compress(DATA)
    )
    with pytest.raises(InputError, match="is compressed with bzip2"):
        read_volume(tmp_path / "a.nrrd")


def test_a_tiff_that_claims_gigabytes_is_refused_unread(tmp_path) -> None:
    entries = [(256, 4, 1, 8), (257, 4, 1, 1 << 31), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 122)]
    entries += [(278, 4, 1, 9), (279, 4, 1, 72), (284, 3, 1, 1)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    (tmp_path / "a.tif").write_bytes(b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", 0) + bytes(72))
    with pytest.raises(InputError, match=r"a\.tif: the TIFF file is damaged: it describes a picture of 8 x 2147483648"):
        read_volume(tmp_path / "a.tif")
