"""Observers of a scene that go with the object that observes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakMethod, finalize

Method = Callable[[], None]


def observe(scene: Any, methods: Mapping[int, Method]) -> Callable[[], object]:
    """Call methods of one object at events of a scene, as long as the object lives.

    The scene does not keep the object alive. The object does keep the scene: were both collected together, the scene
    would still tell of its end to observers that are half gone.

    Args:
        scene: the ``vtkMRMLScene``.
        methods: bound methods of one object by the numbers of the events.

    Returns:
        What ends it early.
    """
    tags = [scene.AddObserver(event, _weakly(method)) for event, method in methods.items()]
    owner = getattr(next(iter(methods.values())), "__self__")  # noqa: B009  mypy knows functions without it
    return finalize(owner, _remove_observers, scene, tags)


def _weakly(method: Method) -> Callable[[Any, Any], None]:
    reference = WeakMethod(method)

    def call(_caller: Any, _event: Any) -> None:
        if (alive := reference()) is not None:
            alive()

    return call


def _remove_observers(scene: Any, tags: list[int]) -> None:
    for tag in tags:
        scene.RemoveObserver(tag)
