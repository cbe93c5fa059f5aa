"""A Slicer application without windows: scene and module logics on the Qt-free Slicer core."""

from __future__ import annotations

from dataclasses import dataclass
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import slicer

from .legends import register_legends

MODULE_LOGICS = {
    "Colors": "vtkMRMLColorLogic",  # adds Slicer's colour tables, which display nodes refer to
    "Volumes": "vtkSlicerVolumesLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Transforms": "vtkSlicerTransformLogic",
}
CACHE_MEGABYTES = 200
PUBLISHED = ("mrmlScene", "app", "modules")


@dataclass(frozen=True)
class _Module:
    """What ``slicer.modules.<name>`` offers without a user interface."""

    module_logic: Any

    def logic(self) -> Any:
        return self.module_logic


class HeadlessApplication:
    """Scene, application logic, module logics and file input/output, alive together.

    The desktop makes all of this by itself; the ``slicer-core`` wheel holds only the classes. Keep the object as
    long as its scene is in use. It is a context manager; leaving it empties the scene.

    Args:
        publish: also set ``slicer.mrmlScene``, ``slicer.app`` and ``slicer.modules`` as the desktop has them, for
            shell users and ``slicer.util``, until the object is closed. The library itself never reads them.

    Example:
        >>> with HeadlessApplication() as application:
        ...     node = volume_to_node(application.scene, volume)
    """

    def __init__(self, *, publish: bool = False) -> None:
        self._folder = TemporaryDirectory(prefix="camlocalizer-scene-")
        self.scene = slicer.vtkMRMLScene()
        self.logic = slicer.vtkSlicerApplicationLogic()
        self.logic.SetMRMLScene(self.scene)
        self.logic.SetTemporaryPath(self._folder.name)
        self.scene.SetRootDirectory(self._folder.name)
        self.logics: dict[str, Any] = {}
        for name, class_name in MODULE_LOGICS.items():
            self._add_logic(name, getattr(slicer, class_name)())
        self._add_file_access()
        register_legends(self.scene)
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self.scene, True)
        self._hidden: dict[str, Any] | None = self._publish() if publish else None

    def _add_logic(self, name: str, logic: Any) -> None:
        logic.SetMRMLApplicationLogic(self.logic)  # before the scene: logics look for each other when it arrives
        logic.SetMRMLScene(self.scene)
        self.logic.SetModuleLogic(name, logic)
        self.logics[name] = logic

    def _add_file_access(self) -> None:
        remote = slicer.vtkMRMLRemoteIOLogic()
        remote.SetMRMLApplicationLogic(self.logic)
        remote.SetMRMLScene(self.scene)
        remote.GetCacheManager().SetRemoteCacheDirectory(self._folder.name)
        remote.GetCacheManager().SetRemoteCacheLimit(CACHE_MEGABYTES)
        remote.AddDataIOToScene()
        self.logics["RemoteIO"] = remote

    def _publish(self) -> dict[str, Any]:
        """Set the names that the desktop has; return what they were before."""
        names = {
            "mrmlScene": self.scene,
            "app": SimpleNamespace(applicationLogic=lambda: self.logic, mrmlScene=lambda: self.scene),
            "modules": SimpleNamespace(**{name.lower(): _Module(logic) for name, logic in self.logics.items()}),
        }
        hidden = {name: getattr(slicer, name) for name in names if hasattr(slicer, name)}
        for name, value in names.items():
            setattr(slicer, name, value)
        return hidden

    def _withdraw(self, hidden: dict[str, Any]) -> None:
        for name in PUBLISHED:
            if name in hidden:
                setattr(slicer, name, hidden[name])
            else:
                delattr(slicer, name)

    def close(self) -> None:
        """Empty the scene, take back what was published and remove the temporary folder."""
        if self._hidden is not None:
            self._withdraw(self._hidden)
            self._hidden = None
        self.scene.Clear(1)
        self._folder.cleanup()

    def __enter__(self) -> HeadlessApplication:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
