"""JobFolder: the private folder through which a process and its child communicate."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .processes import ProcessIdentity

PREFIX = "camlocalizer-"
RETRY_S = 0.02


@dataclass(frozen=True)
class JobFolder:
    """Files for request, progress, cancellation and answer of a job; only the user may read them.

    Args:
        path: the folder.
    """

    path: Path

    @classmethod
    def make(cls) -> JobFolder:
        """Create a temporary folder that other users cannot access."""
        return cls(Path(tempfile.mkdtemp(prefix=f"{PREFIX}job-")).resolve())

    @property
    def request(self) -> Path:
        """Request, and identity of the parent process."""
        return self.path / "request.json"

    @property
    def volume(self) -> Path:
        """Voxels; exists once they are complete."""
        return self.path / "volume.npy"

    @property
    def process(self) -> Path:
        """Identity of the child process."""
        return self.path / "process.json"

    @property
    def progress(self) -> Path:
        """Progress with one line per step."""
        return self.path / "progress.jsonl"

    @property
    def cancel(self) -> Path:
        """Its existence tells the child to end."""
        return self.path / "cancel"

    @property
    def result(self) -> Path:
        """Folder with the findings; exists once they are complete."""
        return self.path / "result"

    @property
    def outcome(self) -> Path:
        """Final answer of the child."""
        return self.path / "outcome.json"

    @property
    def log(self) -> Path:
        """Output of the child and its libraries."""
        return self.path / "worker.log"

    def announce(self, identity: ProcessIdentity) -> None:
        """Write the identity of the worker process."""
        write_json(self.process, asdict(identity))

    def worker(self) -> ProcessIdentity | None:
        """Return the identity of the worker process, None before it is announced."""
        values = read_json(self.process)
        return None if values is None else ProcessIdentity(**values)

    def remove(self, limit_s: float = 0.0) -> bool:
        """Remove the folder, retrying for ``limit_s`` while files are in use; return whether it was removed."""
        deadline = time.monotonic() + limit_s
        while True:
            shutil.rmtree(self.path, ignore_errors=True)
            if not self.path.exists():
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(RETRY_S)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file atomically."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(values), encoding="utf-8")
    partial.replace(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a file written by :func:`write_json`; None if it does not exist."""
    with suppress(OSError, ValueError):
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return values
    return None
