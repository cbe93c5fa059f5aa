"""What a review needs to be resumed, stored in the scene with its volume.

A hidden text node holds a JSON header and refers to the volume; the arrays lie packed in further hidden text nodes. All
of it is written into the scene file itself, because the desktop's Save dialogue leaves out data files of hidden nodes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from ..core import InputError

HEADER_ATTRIBUTE = "CAMLocalizer.Review"
PART_ATTRIBUTE = "CAMLocalizer.ReviewPart"
VOLUME_ROLE = "CAMLocalizer.ReviewedVolume"
PART_ROLE = "CAMLocalizer.ReviewParts"
FORMAT = "1"
NODE_NAME = "CAMLocalizer review"
PART_LENGTH = 2**19  # characters; XML parsers of older Slicers slow down with the square of it
NUMBERS = re.compile(r"[<|][biuf][1248]")
DAMAGE = (ValueError, LookupError, TypeError, zlib.error, binascii.Error)
FIELDS = {"payload": dict, "arrays": list, "bytes": int, "sha256": str}


def store_review(scene: Any, key_node: Any, payload: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> None:
    """Keep a review in the scene, in place of an earlier one of the same volume.

    Args:
        scene: the ``vtkMRMLScene``.
        key_node: node of the scene that the review belongs to: its volume.
        payload: anything JSON can hold.
        arrays: numbers of any shape; they come back bit by bit.

    Raises:
        InputError: a payload that JSON cannot hold, or an array that is not of numbers.
    """
    data = {name: _stored(name, array) for name, array in arrays.items()}
    packed = b"".join(array.tobytes() for array in data.values())
    table = [{"name": name, "dtype": array.dtype.str, "shape": array.shape} for name, array in data.items()]
    digest = hashlib.sha256(packed).hexdigest()
    content = {"payload": dict(payload), "arrays": table, "bytes": len(packed), "sha256": digest}
    _text(content)  # before anything is written
    header = _header_of(scene, key_node) or _new_header(scene, key_node)
    if not _holds(header, packed):  # arrays are large and seldom change
        _write_parts(scene, header, packed)
    header.SetAttribute(HEADER_ATTRIBUTE, FORMAT)
    header.SetText(_text({**content, "parts": header.GetNumberOfNodeReferences(PART_ROLE)}))
    _prune(scene)


def update_review(scene: Any, key_node: Any, payload: Mapping[str, Any]) -> bool:
    """Exchange the JSON values of a review that is kept already; its arrays, which take long to write, stay.

    Args:
        scene: the ``vtkMRMLScene``.
        key_node: the volume node.
        payload: anything JSON can hold.

    Returns:
        Whether that was done; not if nothing complete is kept.

    Raises:
        InputError: a payload that JSON cannot hold.
    """
    header = _header_of(scene, key_node)
    if header is None:
        return False
    try:
        content = json.loads(header.GetText() or "")
        complete = len(_parts(header)) == content["parts"] and None not in _parts(header)
    except DAMAGE:
        return False
    if not complete:
        return False
    header.SetText(_text({**content, "payload": dict(payload)}))
    return True


def load_review(scene: Any, key_node: Any) -> tuple[dict[str, Any], dict[str, NDArray]] | None:
    """Return the review kept for a volume as (payload, arrays); None without one.

    Args:
        scene: the ``vtkMRMLScene``.
        key_node: the volume node.

    Raises:
        InputError: a review that is damaged or of another version; the scene stays as it is.
    """
    header = _header_of(scene, key_node)
    if header is None:
        return None
    try:
        return _read(header)
    except DAMAGE as error:
        raise InputError(
            f"the review stored with {key_node.GetName()} cannot be read ({error}); run the model again"
        ) from error


def remove_review(scene: Any, key_node: Any) -> None:
    """Remove everything kept for a volume; it is not an error if there is nothing."""
    while (header := _header_of(scene, key_node)) is not None:
        scene.RemoveNode(header)
    _prune(scene)


def reviewed_nodes(scene: Any) -> tuple[Any, ...]:
    """Return the volume nodes of the scene that a review is kept for."""
    nodes = (header.GetNodeReference(VOLUME_ROLE) for header in _text_nodes(scene, HEADER_ATTRIBUTE))
    return tuple(node for node in nodes if node is not None)


def _text(content: Mapping[str, Any]) -> str:
    try:
        return json.dumps(content, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"the review cannot be stored: {error}") from error


def _stored(name: str, array: NDArray) -> NDArray:
    """Return an array as it is stored: little-endian, whole in memory."""
    array = np.asarray(array)
    kind = array.dtype.newbyteorder("<")
    if not NUMBERS.fullmatch(kind.str):
        raise InputError(f"the review's array {name} is of {array.dtype}, expected plain numbers")
    return np.ascontiguousarray(array, dtype=kind).reshape(array.shape)


def _read(header: Any) -> tuple[dict[str, Any], dict[str, NDArray]]:
    if header.GetAttribute(HEADER_ATTRIBUTE) != FORMAT:
        raise ValueError(f"version {header.GetAttribute(HEADER_ATTRIBUTE)}, expected {FORMAT}")
    content = json.loads(header.GetText() or "")
    for field, kind in FIELDS.items():
        if not isinstance(content, dict) or not isinstance(content.get(field), kind):
            raise ValueError(f"no {field}")
    packed = _read_parts(header, content["bytes"])
    if hashlib.sha256(packed).hexdigest() != content["sha256"]:
        raise ValueError("its arrays are incomplete or changed")
    return content["payload"], _unpacked(packed, content["arrays"])


def _unpacked(packed: bytes, table: list[dict[str, Any]]) -> dict[str, NDArray]:
    arrays, start = {}, 0
    for entry in table:
        if not NUMBERS.fullmatch(entry["dtype"]):
            raise ValueError(f"array {entry['name']} is of {entry['dtype']}")
        kind, shape = np.dtype(entry["dtype"]), tuple(map(int, entry["shape"]))
        count = int(np.prod(shape, dtype=np.int64))
        array = np.frombuffer(packed, kind, count, start).reshape(shape)
        arrays[str(entry["name"])] = array.astype(kind.newbyteorder("="))
        start += array.nbytes
    return arrays


def _write_parts(scene: Any, header: Any, packed: bytes) -> None:
    header.RemoveNodeReferenceIDs(PART_ROLE)
    text = base64.b64encode(zlib.compress(packed, 1)).decode("ascii")
    for start in range(0, len(text), PART_LENGTH):
        part = _new_text(scene, PART_ATTRIBUTE, text[start : start + PART_LENGTH])
        header.AddNodeReferenceID(PART_ROLE, part.GetID())


def _holds(header: Any, packed: bytes) -> bool:
    try:
        return _read_parts(header, len(packed)) == packed
    except DAMAGE:
        return False


def _parts(header: Any) -> list[Any]:
    return [header.GetNthNodeReference(PART_ROLE, n) for n in range(header.GetNumberOfNodeReferences(PART_ROLE))]


def _read_parts(header: Any, size: int) -> bytes:
    parts = _parts(header)
    if None in parts:
        raise ValueError("a part of it is missing")
    text = "".join(part.GetText() or "" for part in parts)
    return zlib.decompressobj().decompress(base64.b64decode(text, validate=True), size + 1)


def _new_header(scene: Any, key_node: Any) -> Any:
    header = _new_text(scene, HEADER_ATTRIBUTE, "")
    header.SetNodeReferenceID(VOLUME_ROLE, key_node.GetID())
    return header


def _new_text(scene: Any, attribute: str, text: str) -> Any:
    node = slicer.vtkMRMLTextNode()
    node.SetForceCreateStorageNode(node.CreateStorageNodeNever)  # the text goes into the scene file
    node.SetName(NODE_NAME)
    node.SetHideFromEditors(True)
    node.SetSelectable(False)
    node.SetAttribute(attribute, FORMAT)
    node.SetText(text)
    return scene.AddNode(node)


def _text_nodes(scene: Any, attribute: str) -> Iterator[Any]:
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLTextNode") - 1, -1, -1):  # newest first, safe to remove
        node = scene.GetNthNodeByClass(index, "vtkMRMLTextNode")
        if node.GetAttribute(attribute) is not None:
            yield node


def _header_of(scene: Any, key_node: Any) -> Any:
    headers = _text_nodes(scene, HEADER_ATTRIBUTE)
    return next((header for header in headers if header.GetNodeReference(VOLUME_ROLE) is key_node), None)


def _prune(scene: Any) -> None:
    """Remove headers whose volume is gone, and parts that no header needs."""
    needed: set[str] = set()
    for header in _text_nodes(scene, HEADER_ATTRIBUTE):
        if header.GetNodeReference(VOLUME_ROLE) is None:
            scene.RemoveNode(header)
        else:
            count = header.GetNumberOfNodeReferences(PART_ROLE)
            needed.update(header.GetNthNodeReferenceID(PART_ROLE, index) for index in range(count))
    for part in _text_nodes(scene, PART_ATTRIBUTE):
        if part.GetID() not in needed:
            scene.RemoveNode(part)
