"""The sample volume: copied whole with the right checksum, or told in a sentence."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from CAMLocalizerLib.io import read_label_map, read_volume


@pytest.fixture
def tiny(sample_script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module with checksums of tiny files: each holds its own name."""
    checksums = {name: hashlib.sha256(name.encode()).hexdigest() for name in sample_script.SHA256}
    monkeypatch.setattr(sample_script, "SHA256", checksums)
    return sample_script


@pytest.fixture
def source(tiny: ModuleType, tmp_path: Path) -> Path:
    """A folder in which a source package was unpacked."""
    data = tmp_path / "source" / "pip-download-1" / "pyradiomics_2" / "data"
    data.mkdir(parents=True)
    for name in tiny.SHA256:
        (data / name).write_text(name)
    return tmp_path / "source"


def test_the_sample_is_copied_into_the_share_folder(tiny: ModuleType, source: Path, tmp_path: Path) -> None:
    tiny.copy_sample(source, tmp_path)
    assert tiny.sample_problem(tmp_path) == ""
    assert tiny.sample_image(tmp_path) == tmp_path / "share" / "camlocalizer" / "sample" / "brain1_image.nrrd"
    assert sorted(path.name for path in tiny.sample_folder(tmp_path).iterdir()) == sorted(tiny.SHA256)


def test_a_file_with_another_checksum_is_not_copied(tiny: ModuleType, source: Path, tmp_path: Path) -> None:
    next(source.rglob(tiny.LABEL)).write_text("changed")
    tiny.copy_sample(source, tmp_path)
    assert not tiny.sample_label(tmp_path).exists()
    assert "has no brain1_label.nrrd with the expected checksum" in tiny.sample_problem(tmp_path)


def test_a_damaged_sample_is_noticed_and_replaced(tiny: ModuleType, source: Path, tmp_path: Path) -> None:
    tiny.copy_sample(source, tmp_path)
    tiny.sample_image(tmp_path).write_text("cut off")
    assert "brain1_image.nrrd" in tiny.sample_problem(tmp_path)
    tiny.copy_sample(source, tmp_path)
    assert tiny.sample_problem(tmp_path) == ""


def test_a_missing_sample_is_told_with_what_to_do(sample_script: ModuleType, tmp_path: Path) -> None:
    sentence = sample_script.sample_problem(tmp_path)
    assert str(sample_script.sample_folder(tmp_path)) in sentence
    assert "run python3 scripts/demo.py" in sentence


def test_the_outline_lies_on_the_grid_of_the_volume(sample_script: ModuleType, sample_image: Path) -> None:
    volume, label_map = read_volume(sample_image), read_label_map(sample_script.sample_label())
    assert label_map.grid.matches(volume.grid)
    assert 0 < np.count_nonzero(label_map.array_kji) < label_map.array_kji.size / 100
