"""The fuzzing script finds every input read or refused; a few inputs of it here."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory):
    """The script's parts and its valid inputs."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        import _fuzz
        import _fuzz_inputs
    finally:
        sys.path.remove(str(SCRIPTS))
    with warnings.catch_warnings():
        samples = _fuzz_inputs.make_samples(tmp_path_factory.mktemp("samples"))
    return _fuzz, samples


def test_every_sample_is_read_undamaged(fuzz):
    script, samples = fuzz
    for name, path in samples.items():
        script.read(name, path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", range(20, 60))
def test_a_damaged_input_is_read_or_refused_in_a_sentence(fuzz, tmp_path, number):
    script, samples = fuzz
    name, outcome = script.attempt(number, 1, samples, tmp_path)
    assert outcome in ("read", "refused"), (name, outcome)


@pytest.mark.parametrize(
    ("field", "value"), [("NDims", "-13"), ("NDims", "40"), ("DimSize", "8 9 5 7"), ("TransformMatrix", "1 0 0 1")]
)
def test_a_header_that_would_break_the_image_library_is_refused_before(fuzz, tmp_path, field, value):
    from CAMLocalizerLib.core import InputError
    from CAMLocalizerLib.io import read_volume

    _script, samples = fuzz
    lines = samples["a.mhd"].read_text().splitlines()
    changed = [f"{field} = {value}" if line.startswith(f"{field} ") else line for line in lines]
    (tmp_path / "a.mhd").write_text("\n".join(changed) + "\n")
    with pytest.raises(InputError, match=field if field != "TransformMatrix" else "transformmatrix"):
        read_volume(tmp_path / "a.mhd")


def test_a_jpeg_with_damaged_data_is_refused_and_nothing_printed(fuzz, tmp_path, capfd):
    from CAMLocalizerLib.core import InputError
    from CAMLocalizerLib.io import read_volume

    data = fuzz[1]["a.jpg"].read_bytes()
    place = data.index(b"\xff\xda")
    (tmp_path / "a.jpg").write_bytes(data[:place] + b"xxxxx" + data[place:])
    with pytest.raises(InputError, match=r"a\.jpg: the JPEG file is damaged \(Corrupt JPEG data"):
        read_volume(tmp_path / "a.jpg")
    said = capfd.readouterr()
    assert said.out + said.err == ""


def test_pages_of_a_tiff_that_go_round_in_a_circle_are_refused(fuzz, tmp_path):
    import struct

    from CAMLocalizerLib.core import InputError
    from CAMLocalizerLib.io import read_volume

    data = bytearray(fuzz[1]["a.tif"].read_bytes())
    first = struct.unpack_from("<I", data, 4)[0]
    struct.pack_into("<I", data, first + 2 + 12 * struct.unpack_from("<H", data, first)[0], first)
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.tif: the TIFF file is damaged: its pages form a loop"):
        read_volume(tmp_path / "a.tif")
