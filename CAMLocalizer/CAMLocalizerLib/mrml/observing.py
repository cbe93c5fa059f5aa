"""Observers of a scene or a node that go with the object that observes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakMethod, finalize

Method = Callable[[], None]


def observe(subject: Any, methods: Mapping[int, Method]) -> Callable[[], object]:
    """Call methods of one object at events of a scene or a node, as long as the object lives.

    The subject does not keep the object alive. The object does keep the subject: were both collected together, a scene
    would still tell of its end to observers that are half gone.

    Args:
        subject: a ``vtkMRMLScene`` or a ``vtkMRMLNode``.
        methods: bound methods of one object by the numbers of the events.

    Returns:
        What ends it early.
    """
    tags = [subject.AddObserver(event, _weakly(method)) for event, method in methods.items()]
    owner = getattr(next(iter(methods.values())), "__self__")  # noqa: B009  mypy knows functions without it
    return finalize(owner, _remove_observers, subject, tags)


def _weakly(method: Method) -> Callable[[Any, Any], None]:
    reference = WeakMethod(method)

    def call(_caller: Any, _event: Any) -> None:
        if (alive := reference()) is not None:
            alive()

    return call


def _remove_observers(subject: Any, tags: list[int]) -> None:
    for tag in tags:
        subject.RemoveObserver(tag)
