"""Reviews kept in the scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from CAMLocalizerLib.core import InputError, Volume
from CAMLocalizerLib.mrml import (
    HeadlessApplication,
    load_review,
    load_scene,
    remove_review,
    reviewed_nodes,
    save_scene,
    store_review,
    update_review,
    volume_to_node,
)
from CAMLocalizerLib.mrml import stored_reviews as module

PAYLOAD = {"threshold": "200/255", "note": 'Größe < 5 mm & "rand"\n\t\\', "scales": [1, 2], "none": None, "weight": 0.1}


@pytest.fixture
def volume_node(scene: Any, oblique_volume: Volume) -> Any:
    return volume_to_node(scene, oblique_volume, name="case")


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)
    maps = random.random((3, 4, 5), dtype=np.float32)
    maps[0, 0] = (np.nan, np.inf, -np.inf, -0.0, 1e-45)
    return {
        "maps": maps,
        "empty": np.zeros((0, 7), np.float32),
        "single": np.array(3.5),
        "mask": random.random((9, 24, 20)) > 0.5,
        "turned": np.arange(12, dtype=">i4").reshape(3, 4).T,
    }


def assert_same_bits(back: dict[str, np.ndarray], arrays: dict[str, np.ndarray]) -> None:
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype.newbyteorder("=")
        assert back[name].shape == array.shape
        assert back[name].tobytes() == array.astype(array.dtype.newbyteorder("=")).tobytes()


def texts(scene: Any) -> list[Any]:
    return [
        scene.GetNthNodeByClass(n, "vtkMRMLTextNode") for n in range(scene.GetNumberOfNodesByClass("vtkMRMLTextNode"))
    ]


def test_a_review_comes_back_bit_by_bit(scene: Any, volume_node: Any, arrays: dict[str, np.ndarray]) -> None:
    store_review(scene, volume_node, PAYLOAD, arrays)
    payload, back = load_review(scene, volume_node)
    assert payload == PAYLOAD
    assert_same_bits(back, arrays)


def test_its_values_are_exchanged_without_its_arrays(
    scene: Any, volume_node: Any, arrays: dict[str, np.ndarray]
) -> None:
    assert not update_review(scene, volume_node, PAYLOAD)
    store_review(scene, volume_node, {"threshold": "0.5"}, arrays)
    assert update_review(scene, volume_node, PAYLOAD)
    payload, back = load_review(scene, volume_node)
    assert payload == PAYLOAD
    assert_same_bits(back, arrays)
    with pytest.raises(InputError, match="cannot be stored"):
        update_review(scene, volume_node, {"number": float("nan")})
    assert load_review(scene, volume_node)[0] == PAYLOAD


def test_an_incomplete_review_is_not_updated(scene: Any, volume_node: Any, arrays: dict[str, np.ndarray]) -> None:
    store_review(scene, volume_node, PAYLOAD, arrays)
    part = next(node for node in texts(scene) if node.GetAttribute(module.PART_ATTRIBUTE))
    scene.RemoveNode(part)
    assert not update_review(scene, volume_node, PAYLOAD)


@pytest.mark.parametrize("clear", [True, False])
def test_it_comes_back_from_a_bundle_also_into_a_scene_with_reviews(
    scene: Any, oblique_volume: Volume, volume_node: Any, arrays: dict[str, np.ndarray], tmp_path: Path, clear: bool
) -> None:
    store_review(scene, volume_node, PAYLOAD, arrays)
    volume_node.SetName("renamed")
    path = save_scene(scene, tmp_path / "case.mrb")
    with HeadlessApplication() as other:
        present = volume_to_node(other.scene, oblique_volume, name="present")  # takes the ids of the saved nodes
        store_review(other.scene, present, {"mine": True}, {"a": np.ones(3)})
        load_scene(other.scene, path, clear=clear)
        payload, back = load_review(other.scene, other.scene.GetFirstNodeByName("renamed"))
        assert payload == PAYLOAD
        assert_same_bits(back, arrays)
        assert len(reviewed_nodes(other.scene)) == (1 if clear else 2)
        if not clear:
            assert load_review(other.scene, present)[0] == {"mine": True}


def test_large_arrays_are_spread_over_nodes(
    scene: Any, volume_node: Any, arrays: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "PART_LENGTH", 100)
    store_review(scene, volume_node, PAYLOAD, arrays)
    assert len(texts(scene)) > 10
    path = save_scene(scene, tmp_path / "case.mrb")
    with HeadlessApplication() as other:
        load_scene(other.scene, path)
        assert_same_bits(load_review(other.scene, other.scene.GetFirstNodeByName("case"))[1], arrays)


def test_reviews_of_several_volumes_do_not_mix(scene: Any, oblique_volume: Volume, volume_node: Any) -> None:
    second, third = (volume_to_node(scene, oblique_volume, name="case") for _ in range(2))
    store_review(scene, volume_node, {"case": 1}, {"a": np.zeros(2)})
    store_review(scene, second, {"case": 2}, {"a": np.ones(2)})
    assert load_review(scene, volume_node)[0] == {"case": 1}
    np.testing.assert_array_equal(load_review(scene, second)[1]["a"], np.ones(2))
    assert load_review(scene, third) is None
    assert set(reviewed_nodes(scene)) == {volume_node, second}
    remove_review(scene, volume_node)
    assert load_review(scene, volume_node) is None
    np.testing.assert_array_equal(load_review(scene, second)[1]["a"], np.ones(2))


def test_a_new_review_takes_the_place_of_the_old(scene: Any, volume_node: Any) -> None:
    for number in range(3):
        store_review(scene, volume_node, {"number": number}, {"a": np.full(4, number)})
    payload, arrays = load_review(scene, volume_node)
    assert payload == {"number": 2}
    np.testing.assert_array_equal(arrays["a"], [2, 2, 2, 2])
    assert len(texts(scene)) == 2


def test_arrays_that_stay_are_not_written_again(scene: Any, volume_node: Any) -> None:
    store_review(scene, volume_node, {"number": 1}, {"a": np.ones(4)})
    before = {node.GetID() for node in texts(scene)}
    store_review(scene, volume_node, {"number": 2}, {"b": np.ones(4)})
    assert {node.GetID() for node in texts(scene)} == before
    assert list(load_review(scene, volume_node)[1]) == ["b"]


def test_nothing_of_it_is_seen_or_selected(scene: Any, volume_node: Any, arrays: dict[str, np.ndarray]) -> None:
    store_review(scene, volume_node, PAYLOAD, arrays)
    assert all(node.GetHideFromEditors() and not node.GetSelectable() for node in texts(scene))
    assert scene.GetNumberOfNodesByClass("vtkMRMLTextStorageNode") == 0


def test_it_goes_with_the_review_and_after_its_volume(scene: Any, oblique_volume: Volume, volume_node: Any) -> None:
    count = scene.GetNumberOfNodes()
    store_review(scene, volume_node, {}, {"a": np.ones(4)})
    remove_review(scene, volume_node)
    remove_review(scene, volume_node)
    assert scene.GetNumberOfNodes() == count
    other = volume_to_node(scene, oblique_volume)
    store_review(scene, volume_node, {}, {"a": np.ones(4)})
    scene.RemoveNode(volume_node)
    store_review(scene, other, {}, {"a": np.ones(4)})
    assert reviewed_nodes(scene) == (other,)
    assert len(texts(scene)) == 2


def test_the_users_own_texts_stay(scene: Any, volume_node: Any) -> None:
    notes = scene.AddNewNodeByClass("vtkMRMLTextNode", "CAMLocalizer review")
    store_review(scene, volume_node, {}, {})
    remove_review(scene, volume_node)
    assert texts(scene) == [notes]


def damage_text(header: Any, part: Any) -> None:
    header.SetText("{not json")


def damage_fields(header: Any, part: Any) -> None:
    header.SetText('{"payload": {}}')


def damage_table(header: Any, part: Any) -> None:
    header.SetText(header.GetText().replace('"<f8"', '"|O8"'))


def damage_shape(header: Any, part: Any) -> None:
    header.SetText(header.GetText().replace("[40]", "[4000]"))


def damage_part(header: Any, part: Any) -> None:
    part.SetText(part.GetText()[:-80])


def exchange_part(header: Any, part: Any) -> None:
    part.SetText("another text")


def lose_part(header: Any, part: Any) -> None:
    part.GetScene().RemoveNode(part)


def grow_old(header: Any, part: Any) -> None:
    header.SetAttribute("CAMLocalizer.Review", "99")


@pytest.mark.parametrize("remove", [True, False])
@pytest.mark.parametrize(
    "damage",
    [damage_text, damage_fields, damage_table, damage_shape, damage_part, exchange_part, lose_part, grow_old],
)
def test_a_damaged_review_is_refused_and_can_be_replaced(
    scene: Any, volume_node: Any, damage: Any, remove: bool
) -> None:
    array = np.random.default_rng(2).random(40)
    store_review(scene, volume_node, {}, {"a": array})
    header, part = sorted(texts(scene), key=lambda node: node.GetNodeReference(module.VOLUME_ROLE) is None)
    damage(header, part)
    with pytest.raises(InputError, match=r"the review stored with case cannot be read \(.+\); run the model again"):
        load_review(scene, volume_node)
    if remove:
        remove_review(scene, volume_node)
    store_review(scene, volume_node, {}, {"a": array})
    np.testing.assert_array_equal(load_review(scene, volume_node)[1]["a"], array)


@pytest.mark.parametrize("payload", [{"a": object()}, {"a": float("nan")}])
def test_a_payload_that_json_cannot_hold_is_refused(scene: Any, volume_node: Any, payload: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="the review cannot be stored"):
        store_review(scene, volume_node, payload, {})
    assert texts(scene) == []


def test_an_array_of_objects_is_refused(scene: Any, volume_node: Any) -> None:
    with pytest.raises(InputError, match="array names is of object, expected plain numbers"):
        store_review(scene, volume_node, {}, {"names": np.array(["a", None], dtype=object)})
