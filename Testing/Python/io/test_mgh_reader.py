"""FreeSurfer's files are read as nibabel reads them."""

from __future__ import annotations

import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest

from CAMLocalizerLib.core import GridError, InputError
from CAMLocalizerLib.io import read_volume

ARRAY = np.arange(2 * 3 * 4).reshape(4, 3, 2) * 5
LPS = np.diag([-1.0, -1, 1, 1])


def affine(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn * (1.0, 1.25, 2.5), rng.uniform(-100, 100, 3)
    return matrix


def change(path: Path, place: int, form: str, value: float) -> Path:
    raw = bytearray(path.read_bytes())
    struct.pack_into(form, raw, place, value)
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "f4"])
@pytest.mark.parametrize("ending", [".mgh", ".mgz"])
def test_values_and_position_equal_those_of_nibabel(tmp_path: Path, seed: int, kind: str, ending: str) -> None:
    image = nibabel.MGHImage(ARRAY.astype(kind), affine(seed))
    image.to_filename(tmp_path / f"orig{ending}")
    volume = read_volume(tmp_path / f"orig{ending}")
    np.testing.assert_array_equal(volume.array_kji, ARRAY.T)
    np.testing.assert_allclose(volume.grid.ijk_to_lps, LPS @ image.affine, atol=1e-3)
    assert volume.name == "orig"


@pytest.fixture
def mgh(tmp_path: Path) -> Path:
    nibabel.MGHImage(ARRAY.astype("i2"), affine(1)).to_filename(tmp_path / "a.mgh")
    return tmp_path / "a.mgh"


@pytest.mark.parametrize(
    ("place", "form", "value", "message"),
    [
        (0, ">i", 7, "header is damaged"),
        (4, ">i", 0, "header is damaged"),
        (4, ">i", 2000000, "truncated"),
        (16, ">i", 3, "has 3 frames"),
        (20, ">i", 9, "voxels of type 9"),
        (30, ">f", 0.0, "spacing must be positive"),
        (42, ">f", 0.0, "direction must"),
    ],
)
def test_unsupported_files_are_refused(mgh: Path, place: int, form: str, value: float, message: str) -> None:
    with pytest.raises(InputError, match=f"a.mgh: .*{message}"):
        read_volume(change(mgh, place, form, value))


def test_a_file_without_a_position_gets_a_note(mgh: Path) -> None:
    assert "left and right are uncertain" in read_volume(change(mgh, 28, ">h", 0)).notes[0]


@pytest.mark.parametrize("ending", [".mgh", ".mgz"])
def test_a_truncated_file_is_refused(tmp_path: Path, ending: str) -> None:
    nibabel.MGHImage(ARRAY.astype("i2"), affine(1)).to_filename(tmp_path / f"a{ending}")
    raw = (tmp_path / f"a{ending}").read_bytes()
    (tmp_path / f"a{ending}").write_bytes(raw[: 300 if ending == ".mgh" else len(raw) // 2])
    with pytest.raises((InputError, GridError), match="truncated"):
        read_volume(tmp_path / f"a{ending}")
