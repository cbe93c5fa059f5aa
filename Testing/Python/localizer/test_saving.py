"""Findings that go to the disk and come back, or are refused in a sentence."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from CAMLocalizerLib.core import Grid, InputError, ModelError, OutputError, Volume
from CAMLocalizerLib.localizer import (
    Localization,
    Localizer,
    ProjectionLocalization,
    load_findings,
    save_findings,
)
from CAMLocalizerLib.models import ModelCard, save_model
from CAMLocalizerLib.networks import build_network

LIBRARY = Path(__file__).resolve().parents[3] / "CAMLocalizer"


@pytest.fixture
def found(tiny_model, blank_ended_volume):
    card = replace(tiny_model.card, map_levels={1: 0.3, 4: 1 / 3}, results={"deep": {"figure": 0.1}})
    seen = Localizer(replace(tiny_model, card=card), device="cpu").run(blank_ended_volume, view="coronal")
    return replace(seen, card=with_lists(card), notes=("was told so",), timings_s={"inference": 1 / 7})


@pytest.fixture
def projected(tiny_card, tmp_path):
    torch.manual_seed(3)
    card = replace(tiny_card, name="tiny-pet", projections=True, size=(32, 32), normalisation="suv-30", scales=(1, 2))
    model = save_model(tmp_path / "tiny-pet", card, build_network("dcfpn", classes=3, channels=(4, 4, 4, 4)))
    array = np.random.default_rng(3).uniform(0.5, 9.0, (16, 12, 14)).astype(np.float32)
    volume = Volume(array, Grid((14, 12, 16), (4.0, 4.0, 3.0), (-50.0, 20.0, -400.0), np.eye(3)), name="pet")
    seen = Localizer(model, device="cpu").run(volume)
    return replace(seen, card=with_lists(seen.card), offsets=dict.fromkeys(seen.scales, 0.1))


@pytest.fixture
def kept(tmp_path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "kept"


def with_lists(card: ModelCard) -> ModelCard:
    """The card as it is read from a bundle, where JSON has made lists of tuples."""
    return ModelCard(**json.loads(card.to_json()))


def same_bits(one, other) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def assert_same(one, other) -> None:
    for name in ("card", "view", "device", "notes", "timings_s", "scales", "image_labels", "image_kind"):
        assert getattr(one, name) == getattr(other, name), name
    assert type(one) is type(other)
    assert same_bits(one.probabilities, other.probabilities)
    assert same_bits(one.activation(), other.activation())
    assert same_bits(one.label_map().array_kji, other.label_map().array_kji)


def test_what_was_seen_in_slices_comes_back_bit_by_bit(found, kept) -> None:
    save_findings(found, kept)
    loaded = load_findings(kept, found.volume)
    assert_same(found, loaded)
    assert loaded.volume is found.volume
    assert same_bits(found.pyramid.targets, loaded.pyramid.targets)
    for one, other in zip(found.pyramid.maps, loaded.pyramid.maps, strict=True):
        assert one.grid == other.grid
        assert same_bits(one.array_kji, other.array_kji)
    assert not loaded.probabilities.flags.writeable


def test_what_was_seen_in_projections_comes_back_bit_by_bit(projected, kept) -> None:
    save_findings(projected, kept)
    loaded = load_findings(kept, projected.volume)
    assert_same(projected, loaded)
    assert (loaded.pair.spacing_mm, loaded.pair.size) == (projected.pair.spacing_mm, projected.pair.size)
    assert (loaded.strides, loaded.offsets) == (projected.strides, projected.offsets)
    assert all(same_bits(projected.maps[scale], loaded.maps[scale]) for scale in projected.scales)


def test_no_field_of_the_findings_is_forgotten() -> None:
    common = {"card", "device", "timings_s", "notes", "_last"}
    slices, projections = ({entry.name for entry in fields(kind)} for kind in (Localization, ProjectionLocalization))
    assert slices == common | {"volume", "pyramid", "view"}
    assert projections == common | {"pair", "maps", "strides", "probabilities", "offsets"}


def test_saving_again_replaces_the_former_findings(found, kept) -> None:
    save_findings(found, kept)
    save_findings(replace(found, device="cuda:1"), kept)
    assert load_findings(kept, found.volume).device == "cuda:1"


def test_nothing_on_the_disk_names_the_volume_or_can_run(found, kept) -> None:
    save_findings(found, kept)
    assert {path.suffix for path in kept.iterdir()} == {".json", ".npy"}
    assert all(b"blank-ended" not in path.read_bytes() for path in kept.iterdir())


def test_reading_back_fusing_and_thresholding_need_no_torch(found, kept) -> None:
    save_findings(found, kept)
    np.save(kept.parent / "volume.npy", found.volume.array_kji)
    grid = found.volume.grid
    code = (
        "import sys, numpy as np\n"
        "from CAMLocalizerLib.core import Grid, Volume\n"
        "from CAMLocalizerLib.localizer import load_findings\n"
        f"grid = Grid({grid.size}, {grid.spacing_mm}, {grid.origin_mm}, np.array({grid.direction.tolist()}))\n"
        f"folder = {str(kept.parent)!r}\n"
        "found = load_findings(folder + '/kept', Volume(np.load(folder + '/volume.npy'), grid))\n"
        "label_map = found.label_map(threshold='0.3', scales=(1, 2))\n"
        "found.components(label_map)\n"
        "heavy = {'torch', 'skimage', 'matplotlib', 'safetensors', 'tqdm'} & set(sys.modules)\n"
        "print(int(label_map.array_kji.sum()), sorted(heavy))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(LIBRARY)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    voxels = int(found.label_map(threshold="0.3", scales=(1, 2)).array_kji.sum())
    assert voxels > 0
    assert done.stdout.strip() == f"{voxels} []", done.stderr


def test_findings_of_a_volume_on_another_grid_are_refused(found, kept, oblique_grid) -> None:
    save_findings(found, kept)
    shifted = Grid(oblique_grid.size, oblique_grid.spacing_mm, (0.0, 0.0, 0.0), oblique_grid.direction)
    with pytest.raises(InputError, match="volume on another grid than that of moved"):
        load_findings(kept, Volume(found.volume.array_kji, shifted, name="moved"))


@pytest.mark.parametrize("name", ["findings.json", "map-1.npy", "probabilities.npy"])
def test_a_missing_file_is_named(found, kept, name) -> None:
    save_findings(found, kept)
    (kept / name).unlink()
    with pytest.raises(InputError, match=rf"{name} is missing"):
        load_findings(kept, found.volume)


@pytest.mark.parametrize(
    "content", [b"", b"\x93NUMPY", b"no array", pickle.dumps([1]), b"PK\x03\x04zip"], ids=lambda entry: entry[:5]
)
def test_a_damaged_array_is_refused(found, kept, content) -> None:
    save_findings(found, kept)
    (kept / "map-4.npy").write_bytes(content)
    with pytest.raises(InputError, match=r"map-4\.npy cannot be read"):
        load_findings(kept, found.volume)


def test_a_shortened_array_is_refused(found, kept) -> None:
    save_findings(found, kept)
    path = kept / "map-1.npy"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(InputError, match=r"map-1\.npy cannot be read"):
        load_findings(kept, found.volume)


def test_an_array_of_objects_is_never_unpickled(found, kept) -> None:
    save_findings(found, kept)
    np.save(kept / "targets.npy", np.array([Path()], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"targets\.npy cannot be read .*allow_pickle"):
        load_findings(kept, found.volume)


def test_an_array_of_another_type_shape_or_with_nan_is_refused(found, kept) -> None:
    save_findings(found, kept)
    good = found.probabilities
    for bad, words in (
        (good.astype(np.float64), "holds float64"),
        (good[:, :2], "expected float32"),
        (good[:-1], "do not fit together"),
        (np.full_like(good, np.nan), "not finite"),
    ):
        np.save(kept / "probabilities.npy", bad)
        with pytest.raises(InputError, match=words):
            load_findings(kept, found.volume)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "holds no findings"),
        ('{"format": "another"}', "holds no findings"),
        ('{"format": "CAMLocalizer findings", "version": 99}', "version 99"),
        ('{"format": "CAMLocalizer findings", "version": 1}', "damaged"),
    ],
)
def test_an_invalid_description_is_refused(found, kept, text, words) -> None:
    save_findings(found, kept)
    (kept / "findings.json").write_text(text)
    with pytest.raises(InputError, match=words):
        load_findings(kept, found.volume)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "pictures"),
        ("view", 3),
        ("notes", None),
        ("timings_s", {"inference": "long"}),
        ("maps", {}),
        ("volume_grid", {"size": [0, 1, 1]}),
        ("tumour_classes", ["nothing known"]),
    ],
)
def test_a_damaged_field_is_refused(found, kept, name, value) -> None:
    save_findings(found, kept)
    values = json.loads((kept / "findings.json").read_text())
    (kept / "findings.json").write_text(json.dumps(values | {name: value}))
    with pytest.raises(InputError, match=r"damaged|do not fit together"):
        load_findings(kept, found.volume)


@pytest.mark.parametrize(("name", "value"), [("strides", {}), ("strides", {"1": 0}), ("size", [3, 3]), ("size", 1)])
def test_a_damaged_field_of_projections_is_refused(projected, kept, name, value) -> None:
    save_findings(projected, kept)
    values = json.loads((kept / "findings.json").read_text())
    (kept / "findings.json").write_text(json.dumps(values | {name: value}))
    with pytest.raises(InputError, match="damaged"):
        load_findings(kept, projected.volume)


def test_a_damaged_card_is_refused(found, kept) -> None:
    save_findings(found, kept)
    (kept / "model.json").write_text("{}")
    with pytest.raises(ModelError, match="schema version"):
        load_findings(kept, found.volume)


def test_a_folder_that_cannot_be_made_is_said(found, kept) -> None:
    kept.touch()
    with pytest.raises(OutputError, match="is a file"):
        save_findings(found, kept)
