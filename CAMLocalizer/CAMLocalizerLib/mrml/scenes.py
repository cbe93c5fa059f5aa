"""Scenes and single nodes to and from files, by Slicer's own storage."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import slicer

from ..core import InputError, OutputError

BUNDLE_ENDING = ".mrb"


def save_scene(scene: Any, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Save the whole scene, data included, as one ``.mrb`` file; nothing half-written is left behind.

    Args:
        scene: the ``vtkMRMLScene``.
        path: file to write, ending in ``.mrb``; its folder must exist.
        overwrite: replace an existing file.

    Returns:
        The path.

    Raises:
        OutputError: another ending, a file that exists, a folder that is missing or not writable, or a scene
            that Slicer could not write.
    """
    path = Path(path)
    _check_target(path, overwrite=overwrite)
    try:
        with TemporaryDirectory(prefix=".camlocalizer-", dir=path.parent) as folder:
            staged = Path(folder) / path.name  # same name: Slicer names the folder inside after it
            if not scene.WriteToMRB(str(staged)) or not _holds_scene(staged):
                raise OutputError(f"{path} could not be written by Slicer; its log tells which node failed")
            staged.replace(path)
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror or error}") from error
    return path


def load_scene(scene: Any, path: str | os.PathLike[str], *, clear: bool = True) -> None:
    """Load a ``.mrb`` file into ``scene``.

    Args:
        scene: the ``vtkMRMLScene``.
        path: file to read.
        clear: empty the scene first; False adds to it.

    Raises:
        InputError: no such file, one that is not a scene bundle, or one that Slicer could not read.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist; expected a scene bundle ({BUNDLE_ENDING})")
    if not _holds_scene(path):
        raise InputError(f"{path} is not a scene bundle: expected a zip archive with one .mrml file in it")
    if not scene.ReadFromMRB(str(path), clear):
        raise InputError(f"{path} could not be read by Slicer; its log tells which node failed")


def load_volume_node(scene: Any, path: str | os.PathLike[str]) -> Any:
    """Read a volume file (NRRD, NIfTI, MetaImage) by Slicer's own reader.

    Args:
        scene: the ``vtkMRMLScene``.
        path: file to read.

    Returns:
        The ``vtkMRMLScalarVolumeNode``, named after the file.

    Raises:
        InputError: a missing file, or one that Slicer cannot read as a scalar volume.
    """
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    return _load(scene, "vtkMRMLScalarVolumeNode", storage, Path(path))


def load_segmentation_node(scene: Any, path: str | os.PathLike[str]) -> Any:
    """Read a segmentation file (``.seg.nrrd``) by Slicer's own reader.

    Args:
        scene: the ``vtkMRMLScene``.
        path: file to read.

    Returns:
        The ``vtkMRMLSegmentationNode``, named after the file.

    Raises:
        InputError: a missing file, or one that Slicer cannot read as a segmentation.
    """
    return _load(scene, "vtkMRMLSegmentationNode", slicer.vtkMRMLSegmentationStorageNode(), Path(path))


def _load(scene: Any, class_name: str, storage: Any, path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"{path} does not exist; expected a file to load")
    scene.AddNode(storage)
    storage.SetFileName(str(path.absolute()))  # the scene takes relative paths for its own folder
    node = scene.AddNewNodeByClass(class_name, path.name.split(".")[0])
    if storage.ReadData(node):
        node.CreateDefaultDisplayNodes()
        node.SetAndObserveStorageNodeID(storage.GetID())
        return node
    scene.RemoveNode(node)
    scene.RemoveNode(storage)
    raise InputError(f"{path} could not be read by Slicer as {class_name.removeprefix('vtkMRML')}")


def _check_target(path: Path, *, overwrite: bool) -> None:
    if path.suffix != BUNDLE_ENDING:
        raise OutputError(f"a scene is saved as {BUNDLE_ENDING}, got {path.name}")
    if not path.parent.is_dir():
        raise OutputError(f"the folder {path.parent} does not exist; make it first")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} already exists; choose another name or allow overwriting")


def _holds_scene(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(".mrml") for name in archive.namelist())
