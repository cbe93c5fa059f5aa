"""What makes the job that runs a model on a volume."""

from __future__ import annotations

from collections.abc import Callable

from ..jobs import LocalizationJob

NewJob = Callable[..., LocalizationJob]
